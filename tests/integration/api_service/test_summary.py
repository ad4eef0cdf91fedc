"""What a session comes to: each figure against plain Python over what the API tells of movies."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.varied import Told, told, varied_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

Figures = dict[str, Any]


async def summary(service: Service, session_id: str, **filters: str) -> Figures:
    return await service.get(f"/api/session/{session_id}/summary", **filters)


def mean(numbers: Iterable[float | None]) -> object:
    """The mean as it is told, in hundredths, of those that are known."""
    known = [number for number in numbers if number is not None]
    return pytest.approx(fmean(known), abs=0.0051) if known else None


def grouped(movies: Sequence[Told], keys: Callable[[Told], Iterable[Any]]) -> dict[Any, list[Told]]:
    groups: dict[Any, list[Told]] = {}
    for one in movies:
        for key in keys(one):
            groups.setdefault(key, []).append(one)
    return groups


def rated(movies: Sequence[Told]) -> Figures:
    return {
        "films": len(movies),
        "mean_rating": mean(one.movie["rating"] for one in movies),
    }


def minutes(movies: Iterable[Told]) -> int:
    return sum(one.movie["runtime_minutes"] or 0 for one in movies)


def times(one: Told) -> int:
    """How often it was seen."""
    at_least = one.movie["rewatches"] + 1 if one.movie["watched"] else 0
    return max(at_least, len(one.movie["watch_dates"]))


def card(one: Told) -> Figures:
    movie = one.movie
    same = ("position", "poster_url", "rating", "vote_average")
    title = movie["title"] or movie["tmdb_title"]
    return {"title": title, "year": one.year, **{name: movie[name] for name in same}}


def films(movies: Sequence[Told]) -> Figures:
    outcomes = Counter(one.movie["outcome"] for one in movies)
    return {
        "total": len(movies),
        "watched": sum(one.movie["watched"] for one in movies),
        "watchlist": sum(one.movie["in_watchlist"] for one in movies),
        **{name: outcomes[name] for name in ("found", "not_found", "failed", "pending")},
        "rated": sum(one.movie["rating"] is not None for one in movies),
        "liked": sum(one.movie["liked"] for one in movies),
        "rewatched": sum(one.rewatched for one in movies),
    }


def by_count(groups: dict[str, list[Told]]) -> list[tuple[str, list[Told]]]:
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def codes(movies: Sequence[Told], name: str) -> list[Figures]:
    groups = grouped(movies, lambda one: one.movie[name])
    return [{"code": code, "films": len(its)} for code, its in by_count(groups)]


def people(movies: Sequence[Told], kind: str) -> list[Figures]:
    """The top twenty, without names."""
    groups = grouped(movies, lambda one: getattr(one, kind))
    found = []
    for person, its in groups.items():
        given = [one.movie["rating"] for one in its if one.movie["rating"] is not None]
        found.append((-len(its), -fmean(given) if given else 1, person, its))
    return [
        {"id": person, **rated(its)} for _, _, person, its in sorted(found, key=lambda x: x[:3])
    ][:20]


def against(movies: Sequence[Told]) -> Figures:
    both = [one for one in movies if one.movie["rating"] is not None and one.theirs is not None]
    stars = {one.movie["position"]: (one.theirs or 0) / 2 for one in both}

    def difference(one: Told) -> float:
        return round(float(one.movie["rating"] - stars[one.movie["position"]]), 6)

    def furthest(sign: int) -> list[Figures]:
        there = [one for one in both if sign * difference(one) > 0]
        there.sort(key=lambda one: (-sign * difference(one), one.movie["position"]))
        return [card(one) for one in there[:5]]

    return {
        "films": len(both),
        "mine": mean(one.movie["rating"] for one in both),
        "theirs": mean(stars.values()),
        "points": [
            {
                "rating": rating,
                "theirs": mean(stars[one.movie["position"]] for one in its),
                "films": len(its),
            }
            for rating, its in sorted(grouped(both, lambda one: [one.movie["rating"]]).items())
        ],
        "higher": furthest(1),
        "lower": furthest(-1),
    }


def runtimes(movies: Sequence[Told]) -> list[Figures]:
    timed = [one.movie["runtime_minutes"] for one in movies if one.movie["runtime_minutes"]]
    starts = range(0, 241, 30)
    return [
        {
            "from": start,
            "to": None if start == 240 else start + 29,
            "films": sum(start <= it and (start == 240 or it < start + 30) for it in timed),
        }
        for start in starts
    ]


def expected(fitting: Sequence[Told], counting: Sequence[Told]) -> Figures:
    timed = [one for one in counting if one.movie["runtime_minutes"]]
    timed.sort(key=lambda one: one.movie["runtime_minutes"])
    longest = [one for one in timed if minutes([one]) == minutes(timed[-1:])]
    days = Counter(day for one in counting for day in one.movie["watch_dates"])
    years = Counter(int(day[:4]) for one in counting for day in one.movie["watch_dates"])
    listed = [one for one in fitting if one.movie["in_watchlist"]]
    often = sorted(counting, key=lambda one: (-times(one), one.movie["position"]))
    genres = grouped(counting, lambda one: one.movie["genres"])
    dated = [one for one in counting if one.year is not None]
    countries, languages = codes(counting, "countries"), codes(counting, "languages")
    return {
        "films": films(fitting),
        "totals": {
            "films": len(counting),
            "minutes": minutes(counting),
            "countries": len(countries),
            "languages": len(languages),
            "directors": len(grouped(counting, lambda one: one.directors)),
            "actors": len(grouped(counting, lambda one: one.actors)),
            "watches": sum(map(times, counting)),
        },
        "genres": [
            {"name": name, "minutes": minutes(its), **rated(its)} for name, its in by_count(genres)
        ],
        "decades": [
            {"decade": decade, **rated(its)}
            for decade, its in sorted(
                grouped(dated, lambda one: [(one.year or 0) // 10 * 10]).items()
            )
        ],
        "years": [
            {"year": year, **rated(its)}
            for year, its in sorted(grouped(dated, lambda one: [one.year]).items())
        ],
        "ratings": [
            {
                "rating": half / 2,
                "films": sum(one.movie["rating"] == half / 2 for one in counting),
            }
            for half in range(1, 11)
        ],
        "against_tmdb": against(counting),
        "runtimes": runtimes(counting),
        "shortest": card(timed[0]) if timed else None,
        "longest": card(longest[0]) if timed else None,
        "countries": countries,
        "languages": languages,
        "directors": people(counting, "directors"),
        "actors": people(counting, "actors"),
        "watch_years": [{"year": year, "watches": years[year]} for year in sorted(years)],
        "days": [{"date": day, "watches": days[day]} for day in sorted(days)],
        "rewatches": [{**card(one), "watches": times(one)} for one in often if times(one) > 1][:10],
        "watchlist": {
            "films": len(listed),
            "minutes": minutes(listed),
            "genres": [
                {"name": name, "films": len(its)}
                for name, its in by_count(grouped(listed, lambda one: one.movie["genres"]))[:5]
            ],
        },
    }


def agrees(figures: Figures, fitting: Sequence[Told], counting: Sequence[Told]) -> None:
    for kind, called, picture in (("directors", "Director", True), ("actors", "Actör", False)):
        for person in figures[kind]:
            assert person.pop("name") == f"{called} {person['id']}"
            url = f"https://image.tmdb.org/t/p/w185/{person['id']}.jpg" if picture else None
            assert person.pop("profile_url") == url
    wanted = expected(fitting, counting)
    assert figures.keys() == wanted.keys()
    for name, figure in figures.items():
        assert figure == wanted[name], name


def watched(movies: Sequence[Told]) -> list[Told]:
    return [one for one in movies if one.movie["watched"]]


@pytest.mark.parametrize("seed", range(11, 16))
async def test_a_session_of_all_kinds_adds_up(service: Service, daemon: Daemon, seed: int) -> None:
    session_id = await varied_session(service, daemon, seed)
    movies = await told(service, session_id)
    agrees(await summary(service, session_id), movies, watched(movies))


async def test_under_a_filter_only_what_fits_counts(service: Service, daemon: Daemon) -> None:
    session_id = await varied_session(service, daemon, 16)
    movies = await told(service, session_id)
    drama = [one for one in movies if "Drama" in one.movie["genres"]]
    agrees(await summary(service, session_id, genre="Drama"), drama, watched(drama))


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"watched": "false"}, lambda movie: not movie["watched"]),
        ({"watched": "true"}, lambda movie: movie["watched"]),
        ({"watchlist": "true"}, lambda movie: movie["in_watchlist"]),
    ],
)
async def test_who_asks_for_what_was_not_watched_gets_its_figures(
    service: Service, daemon: Daemon, filters: dict[str, str], fits: Callable[[Any], bool]
) -> None:
    session_id = await varied_session(service, daemon, 17)
    fitting = [one for one in await told(service, session_id) if fits(one.movie)]
    assert fitting
    agrees(await summary(service, session_id, **filters), fitting, fitting)


async def test_a_session_without_a_watched_film_counts_them_all(
    service: Service, daemon: Daemon
) -> None:
    session_id = await varied_session(service, daemon, 18, is_watched=False)
    movies = await told(service, session_id)
    assert watched(movies) == []
    agrees(await summary(service, session_id), movies, movies)


async def test_a_filter_that_no_watched_film_fits_counts_none(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Heat,1995,yes", "Ran,1985,no", header="Title,Year,Watched")
    await daemon.answer(found={"title:ran|1985": 11645, "title:heat|1995": 949})
    figures = await summary(service, session_id, year="1985")
    assert (figures["films"]["total"], figures["totals"]["films"]) == (1, 0)


async def test_before_anything_is_found_what_the_user_said_counts(service: Service) -> None:
    session_id = await service.session(
        "Heat,1995,4.5,2024-02-10", "Ran,1985,,", header="Title,Year,Rating,WatchedDate"
    )
    movies = await told(service, session_id)
    figures = await summary(service, session_id)
    agrees(figures, movies, movies)
    assert figures["films"]["pending"] == 2
    assert figures["totals"]["minutes"] == 0
    assert figures["days"] == [{"date": "2024-02-10", "watches": 1}]


async def test_a_session_of_no_movies_comes_to_nothing(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    await service.client.delete(f"/api/session/{session_id}/movies/1/match")
    agrees(await summary(service, session_id), [], [])


async def test_others_have_no_part_in_it(service: Service, daemon: Daemon) -> None:
    mine = await varied_session(service, daemon, 19)
    before = await summary(service, mine)
    await service.session("Heat,1995,5", header="Title,Year,Rating")
    assert await summary(service, mine) == before


async def test_an_unknown_session(service: Service) -> None:
    response = await service.client.get("/api/session/00000000-0000-4000-8000-000000000000/summary")
    await service.problem(response, 404, "session_not_found")
