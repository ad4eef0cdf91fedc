"""Which requests a question takes, and what their answers mean, with answers written by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from enrich_service.lookups import Claim, GuessResult
from enrich_service.matching.guesses import Guess
from enrich_service.matching.lookup_resolver import TOP_CAST, LookupResolver
from enrich_service.matching.match_choice import Match
from enrich_service.tmdb.errors import KeyRefusedError, NotFoundError
from enrich_service.tmdb.requests import APPENDED
from shared.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from enrich_service.lookups import Completion
    from enrich_service.tmdb.models import MovieDetails, SearchMovie
    from enrich_service.tmdb.requests import T_co, TMDBRequest

    Answer = dict[str, Any] | type[NotFoundError | KeyRefusedError]

HEAT = {"id": 949, "title": "Heat", "release_date": "1995-12-15", "vote_count": 7000}
DETAILS = {
    "id": 949,
    "imdb_id": "tt0113277",
    "title": "Heat",
    "original_title": "Heat",
    "release_date": "1995-12-15",
    "runtime": 170,
    "genres": [{"id": 80, "name": "Crime"}],
    "production_countries": [{"iso_3166_1": "US"}],
    "spoken_languages": [{"iso_639_1": "en"}, {"iso_639_1": "es"}],
    "overview": "A thief and a detective.",
    "poster_path": "/heat.jpg",
    "vote_average": 7.9,
    "vote_count": 7000,
    "popularity": 50.5,
    "credits": {
        "cast": [
            {"id": 100 + place, "name": f"Actor {place}", "order": place} for place in range(30)
        ],
        "crew": [
            {"id": 638, "name": "Michael Mann", "job": "Director"},
            {"id": 639, "name": "Somebody Else", "job": "Producer"},
        ],
    },
}
NOTHING: dict[str, Any] = {"results": []}


class Script:
    """Answers each request from a list by path, and remembers what was asked."""

    def __init__(
        self, **answers: Sequence[dict[str, Any] | type[NotFoundError | KeyRefusedError]]
    ) -> None:
        self._answers = {route: list(given) for route, given in answers.items()}
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, request: TMDBRequest[T_co], /) -> T_co:
        self.asked.append((request.path, dict(request.query)))
        answer = self._answers[request.route].pop(0)
        if isinstance(answer, type):
            raise answer("test", route=request.route)
        return request.model.model_validate(answer)


class Known:
    """An index that knows one film by any title and year, and has records of some films."""

    def __init__(
        self,
        match: Match | None = None,
        records: dict[int | str, int] | None = None,
        names: dict[int, tuple[str, ...]] | None = None,
        guess: Guess | None = None,
        *,
        namesake: bool = False,
    ) -> None:
        self._names = names or {}
        self._namesake = namesake
        self._guess = guess
        self.guesses: list[GuessResult] = []
        self._match = match
        self._records = records or {}
        self.learned: list[int] = []

    def learn(self, films: Iterable[SearchMovie | MovieDetails], /) -> None:
        self.learned += [film.id for film in films]

    async def known(self, title: str, year: int, /) -> Match | None:
        return self._match if title and year else None

    async def guess(self, title: str, year: int, /) -> Guess | None:
        return self._guess if title and year else None

    def observe_guess(self, result: GuessResult, /) -> None:
        self.guesses.append(result)

    async def fresh_record(self, film: int | str, /) -> int | None:
        return self._records.get(film)

    async def other_names(self, film: int, /) -> tuple[str, ...] | None:
        return self._names.get(film)

    async def may_have_namesake(self, title: str, year: int, /) -> bool:
        return self._namesake and bool(title and year)


async def run(
    key: str, script: Script, title: str | None = None, index: Known | None = None
) -> Completion:
    claim = Claim(1, key, title, 0, uuid4())
    completion = await LookupResolver(claim, script, index or Known()).run()
    assert completion.claim is claim
    return completion


# -- by id -------------------------------------------------------------------------------------


async def test_a_tmdb_id_is_one_request_and_certain() -> None:
    script = Script(movie_details=[DETAILS])
    done = await run("tmdb:949", script)
    assert (done.outcome, done.confidence, done.reason) == (Outcome.FOUND, 100, "tmdb id")
    assert script.asked == [("/3/movie/949", {"append_to_response": ",".join(APPENDED)})]


async def test_an_imdb_id_is_one_request_and_certain() -> None:
    script = Script(movie_details=[DETAILS])
    done = await run("imdb:tt0113277", script)
    assert (done.outcome, done.confidence, done.reason) == (Outcome.FOUND, 100, "imdb id")
    assert [path for path, _ in script.asked] == ["/3/movie/tt0113277"]


async def test_a_tmdb_id_that_is_gone_is_unknown() -> None:
    done = await run("tmdb:949", Script(movie_details=[NotFoundError]))
    assert (done.outcome, done.reason, done.unknown_id) == (Outcome.NOT_FOUND, "unknown_id", True)


@pytest.mark.parametrize(
    "found",
    [
        {"movie_results": [], "tv_results": [{"id": 1396, "name": "Breaking Bad"}]},
        {"movie_results": [], "tv_episode_results": [{"id": 62085}]},
    ],
)
async def test_an_imdb_id_of_television_is_no_film(found: dict[str, Any]) -> None:
    script = Script(movie_details=[NotFoundError], find_by_imdb_id=[found])
    done = await run("imdb:tt0903747", script)
    assert (done.outcome, done.reason, done.unknown_id) == (Outcome.NOT_FOUND, "tv", False)


@pytest.mark.parametrize("answer", [{"movie_results": []}, NotFoundError])
async def test_an_imdb_id_that_nobody_knows_is_unknown(
    answer: dict[str, Any] | type[NotFoundError],
) -> None:
    script = Script(movie_details=[NotFoundError], find_by_imdb_id=[answer])
    done = await run("imdb:tt9999999", script)
    assert (done.reason, done.unknown_id) == ("unknown_id", True)


# -- by title ----------------------------------------------------------------------------------


async def test_a_title_is_a_search_and_the_details_of_its_match() -> None:
    script = Script(search_movie=[{"results": [HEAT]}], movie_details=[DETAILS])
    done = await run("title:heat|1995", script, "Heat")
    assert done.outcome is Outcome.FOUND
    assert done.confidence is not None
    assert 90 <= done.confidence <= 100
    assert [path for path, _ in script.asked] == ["/3/search/movie", "/3/movie/949"]
    assert script.asked[0][1]["query"] == "Heat", "as it was written, not as it was folded"
    assert script.asked[0][1]["year"] == "1995"


@pytest.mark.parametrize(
    ("details", "asked", "result"),
    [
        ([DETAILS], ["/3/movie/949"], GuessResult.CONFIRMED),
        ([DETAILS | {"vote_count": 9}], ["/3/movie/949", "/3/search/movie"], GuessResult.UNSETTLED),
        (
            [DETAILS | {"id": 5, "release_date": "1986-12-12"}, DETAILS],
            ["/3/movie/949", "/3/search/movie", "/3/movie/949"],
            GuessResult.UNSETTLED,
        ),
        (
            [NotFoundError, DETAILS],
            ["/3/movie/949", "/3/search/movie", "/3/movie/949"],
            GuessResult.UNSETTLED,
        ),
    ],
    ids=["settled", "few votes", "another film", "removed"],
)
async def test_guess_saves_the_search_where_its_details_settle_the_film(
    details: list[Any], asked: list[str], result: GuessResult
) -> None:
    script = Script(search_movie=[{"results": [HEAT]}], movie_details=details)
    index = Known(guess=Guess(949, 10))
    done = await run("title:heat|1995", script, "Heat", index)
    assert (done.outcome, done.tmdb_id, done.confidence) == (Outcome.FOUND, 949, 100)
    assert [path for path, _ in script.asked] == asked
    assert index.guesses == [result]


async def test_no_film_is_guessed_without_a_year() -> None:
    script = Script(search_movie=[{"results": [HEAT]}], movie_details=[DETAILS])
    index = Known(guess=Guess(5, 10))
    await run("title:heat|", script, "Heat", index)
    assert index.guesses == []


async def test_a_lookup_without_a_title_is_asked_for_by_its_key() -> None:
    script = Script(search_movie=[{"results": [HEAT]}], movie_details=[DETAILS])
    done = await run("title:heat|1995", script)
    assert done.outcome is Outcome.FOUND
    assert script.asked[0][1]["query"] == "heat"


async def test_when_the_year_finds_nothing_the_search_widens_and_ends_with_television() -> None:
    script = Script(search_movie=[NOTHING] * 9, search_tv=[NOTHING])
    done = await run("title:heat|1995", script)
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "no_candidates")
    routes = [path.rpartition("/")[2] for path, _ in script.asked]
    assert routes[-1] == "tv"
    assert 2 <= len(routes) <= 6, "a film that is nowhere must not cost the budget of many"
    assert "year" in script.asked[0][1]
    assert "year" not in script.asked[-2][1]


async def test_a_series_of_that_name_says_that_it_is_no_film() -> None:
    series = {"results": [{"id": 1396, "name": "Breaking Bad"}]}
    script = Script(search_movie=[NOTHING] * 9, search_tv=[series])
    done = await run("title:breaking bad|2008", script)
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "tv")


async def test_a_series_of_another_name_says_nothing() -> None:
    series = {"results": [{"id": 1, "name": "Heat of the Night"}]}
    script = Script(search_movie=[NOTHING] * 9, search_tv=[series])
    assert (await run("title:heat|1995", script)).reason == "no_candidates"


async def test_two_films_that_fit_alike_are_not_chosen_between() -> None:
    other = {**HEAT, "id": 950}
    script = Script(search_movie=[{"results": [HEAT, other]}] * 9)
    done = await run("title:heat|1995", script)
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "ambiguous")
    assert {candidate["tmdb_id"] for candidate in done.candidates} == {949, 950}
    assert {path for path, _ in script.asked} == {"/3/search/movie"}, "and no details are asked for"


async def test_a_film_a_year_apart_is_taken_once_the_other_neighbour_was_looked_for() -> None:
    script = Script(search_movie=[{"results": [HEAT]}] * 2, movie_details=[DETAILS])
    done = await run("title:heat|1996", script, "Heat")
    assert (done.outcome, done.reason) == (Outcome.FOUND, "exact title, a year apart")
    assert [query.get("year") for _, query in script.asked] == ["1996", None, None]

    other = {**HEAT, "id": 950, "release_date": "1997-03-01"}
    script = Script(search_movie=[{"results": [HEAT]}, {"results": [HEAT, other]}])
    assert (await run("title:heat|1996", script, "Heat")).reason == "ambiguous"


OTHERS = [
    {**HEAT, "id": 1000 + place, "title": "Heat", "release_date": f"{1951 + place}-01-01"}
    for place in range(7)
]


async def test_a_doubtful_film_keeps_those_that_it_could_be_instead() -> None:
    page = {"results": [*OTHERS, HEAT]}
    script = Script(search_movie=[page] * 4, movie_details=[DETAILS])
    done = await run("title:x (heat)|1995", script, "X (Heat)")
    assert (done.outcome, done.tmdb_id, done.confidence) == (Outcome.FOUND, 949, 96)
    assert len(done.candidates) == 5
    assert 949 not in {candidate["tmdb_id"] for candidate in done.candidates}
    assert done.candidates[0].keys() == {"tmdb_id", "title", "year", "score", "poster_path"}

    script = Script(search_movie=[page] * 4)
    known = await run("title:x (heat)|1995", script, "X (Heat)", Known(records={949: 949}))
    assert (known.recorded, known.candidates) == (949, done.candidates)


async def test_a_film_that_is_certain_has_nothing_beside_it() -> None:
    page = {"results": [*OTHERS, HEAT]}
    done = await run("title:heat|1995", Script(search_movie=[page], movie_details=[DETAILS]))
    assert (done.confidence, done.candidates) == (100, ())


async def test_a_doubtful_film_that_has_gone_leaves_what_it_could_be_instead() -> None:
    page = {"results": [OTHERS[0], HEAT]}
    script = Script(search_movie=[page] * 4, movie_details=[NotFoundError])
    done = await run("title:x (heat)|1995", script, "X (Heat)")
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "gone")
    assert [candidate["tmdb_id"] for candidate in done.candidates] == [1000]


async def test_behind_a_crowded_page_the_neighbouring_years_are_searched() -> None:
    crowd: dict[str, Any] = {"results": [HEAT], "total_pages": 3}
    other = {**HEAT, "id": 950, "release_date": "1997-03-01"}
    pages = [{"results": [HEAT]}, crowd, {"results": [HEAT]}, {"results": [other]}]
    script = Script(search_movie=pages)
    assert (await run("title:heat|1996", script, "Heat")).reason == "ambiguous"
    assert [query.get("year") for _, query in script.asked] == ["1996", None, "1995", "1997"]


async def test_a_title_with_a_slip_is_found_by_its_better_half() -> None:
    film = {**DETAILS, "title": "Blue Lighthouse", "original_title": "Blue Lighthouse"}
    listed = {**HEAT, "title": "Blue Lighthouse"}
    script = Script(search_movie=[NOTHING, NOTHING, {"results": [listed]}], movie_details=[film])
    done = await run("title:blue lighthose|1995", script, "Blue Lighthose")
    assert (done.outcome, done.reason) == (Outcome.FOUND, "slip title, same year")
    assert [query.get("query") for _, query in script.asked[:3]] == [
        "Blue Lighthose",
        "Blue Lighthose",
        "Blue",
    ]


SENTINEL = {**HEAT, "id": 5, "title": "Trinadtsat", "original_title": "Тринадцать"}
KNOWN_AS_HEAT = {
    **DETAILS,
    "id": 5,
    "title": "Trinadtsat",
    "original_title": "Тринадцать",
    "alternative_titles": {"titles": [{"title": None}, {"title": "Thirteen"}, {"title": "HEAT!"}]},
}


async def test_a_film_is_known_by_an_alternative_title_in_its_very_year() -> None:
    script = Script(search_movie=[{"results": [SENTINEL]}] * 2, movie_details=[KNOWN_AS_HEAT])
    done = await run("title:heat|1995", script, "Heat")
    assert (done.tmdb_id, done.confidence) == (5, 98)
    assert done.reason == "alternative title, same year"
    append = script.asked[-1][1]["append_to_response"]
    assert append == "credits,recommendations,similar,alternative_titles,translations"

    assert done.candidates == (), "there is no other"


async def test_other_names_of_a_record_answer_after_the_first_search() -> None:
    script = Script(search_movie=[{"results": [SENTINEL]}])
    index = Known(names={5: ("Thirteen", "HEAT!")})
    done = await run("title:heat|1995", script, "Heat", index)
    assert (done.tmdb_id, done.recorded, done.confidence) == (5, 5, 98)
    assert done.reason == "alternative title, same year"


@pytest.mark.parametrize(
    "index", [Known(namesake=True), Known(names={5: ("HEAT!",)}, namesake=True), Known()]
)
async def test_namesake_a_year_apart_is_chosen_whatever_is_recorded(index: Known) -> None:
    remake = {**HEAT, "id": 7, "release_date": "1996-01-01"}
    script = Script(
        search_movie=[{"results": [SENTINEL]}, {"results": [SENTINEL, remake]}],
        movie_details=[{**DETAILS, "id": 7}],
    )
    done = await run("title:heat|1995", script, "Heat", index)
    assert (done.tmdb_id, done.reason) == (7, "exact title, a year apart")


async def test_other_names_of_a_record_answer_where_the_namesake_is_not_found() -> None:
    script = Script(search_movie=[{"results": [SENTINEL]}] * 2)
    index = Known(names={5: ("HEAT!",)}, namesake=True)
    done = await run("title:heat (1995)|", script, "Heat (1995)", index)
    assert (done.recorded, done.reason) == (5, "alternative title, same year")
    assert len(script.asked) == 2


async def test_records_beside_a_film_without_one_do_not_answer_alone() -> None:
    page = {"results": [SENTINEL, {**SENTINEL, "id": 6}]}
    script = Script(
        search_movie=[page] * 4, movie_details=[{**KNOWN_AS_HEAT, "id": 6}], search_tv=[NOTHING]
    )
    index = Known(names={5: ("HEAT!",)})
    done = await run("title:heat|1995", script, "Heat", index)
    assert done.outcome is Outcome.NOT_FOUND, "two films have this name"
    assert [path for path, _ in script.asked if path.startswith("/3/movie")] == ["/3/movie/6"]


async def test_in_a_crowd_only_other_titles_are_asked_for_names() -> None:
    crowd = [{**HEAT, "id": 20 + place, "title": f"Heat Wave {place}x"} for place in range(4)]
    script = Script(
        search_movie=[{"results": [*crowd, SENTINEL]}] * 2, movie_details=[KNOWN_AS_HEAT]
    )
    done = await run("title:heat|1995", script, "Heat")
    assert (done.tmdb_id, done.reason) == (5, "alternative title, same year")


async def test_a_title_in_another_script_is_found_by_a_translation() -> None:
    words = {
        "translations": [{"data": None}, {"data": {"title": ""}}, {"data": {"title": "盗火线"}}]
    }
    told = {**DETAILS, "translations": words}
    script = Script(search_movie=[{"results": [HEAT]}] * 2, movie_details=[told])
    done = await run("title:盗 火线|1995", script, "盗 火线")
    assert (done.tmdb_id, done.reason) == (949, "alternative title, same year")


async def test_alternative_title_is_tried_after_another_year() -> None:
    remake = {**HEAT, "id": 7, "release_date": "1972-01-01"}
    page = {"results": [SENTINEL, remake]}
    script = Script(search_movie=[page] * 2, movie_details=[KNOWN_AS_HEAT])
    done = await run("title:heat|1995", script, "Heat")
    assert (done.tmdb_id, done.reason) == (5, "alternative title, same year")


async def test_one_word_for_two_is_tried_where_only_another_year_has_the_title() -> None:
    remake = {**HEAT, "id": 7, "title": "Old Boy", "release_date": "2013-01-01"}
    oldboy = {**HEAT, "title": "Oldboy", "release_date": "2003-01-01"}
    script = Script(
        search_movie=[NOTHING, {"results": [remake]}, NOTHING, NOTHING, {"results": [oldboy]}],
        movie_details=[{**DETAILS, "title": "Oldboy"}],
    )
    done = await run("title:old boy|2003", script, "Old Boy")
    assert (done.tmdb_id, done.reason) == (949, "variant title, same year")
    assert [query.get("query") for _, query in script.asked][-2] == "oldboy"


async def test_a_film_known_by_an_alternative_title_keeps_the_others_that_were_found() -> None:
    other = {**HEAT, "id": 1000, "title": "Ovens", "release_date": "1951-01-01"}
    page = {"results": [SENTINEL, other]}
    script = Script(search_movie=[page] * 2, movie_details=[KNOWN_AS_HEAT])
    done = await run("title:heat|1995", script, "Heat")
    assert (done.tmdb_id, done.reason) == (5, "alternative title, same year")
    assert [candidate["tmdb_id"] for candidate in done.candidates] == [1000]


@pytest.mark.parametrize(
    "told",
    [
        [{**KNOWN_AS_HEAT, "alternative_titles": {"titles": [{"title": "Heatwave"}]}}],
        [{**KNOWN_AS_HEAT, "alternative_titles": None}],
        [KNOWN_AS_HEAT, {**KNOWN_AS_HEAT, "id": 6}],
        [NotFoundError],
    ],
)
async def test_a_film_with_other_alternative_titles_or_two_with_this_one_are_not_chosen(
    told: list[dict[str, Any] | type[NotFoundError | KeyRefusedError]],
) -> None:
    films = [{**SENTINEL, "id": 5 + place} for place in range(len(told))]
    page = {"results": films}
    script = Script(
        search_movie=[page, page, NOTHING, NOTHING], movie_details=told, search_tv=[NOTHING]
    )
    done = await run("title:heat|1995", script, "Heat")
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "other_title")


@pytest.mark.parametrize(("year", "films"), [("1996", 1), ("", 1), ("1995", 4)])
async def test_no_film_of_another_year_and_no_crowd_is_asked_for_its_alternative_titles(
    year: str, films: int
) -> None:
    page = {"results": [{**SENTINEL, "id": 5 + place} for place in range(films)]}
    script = Script(search_movie=[page] * 4, search_tv=[NOTHING])
    done = await run(f"title:heat|{year}", script, "Heat")
    assert done.outcome is Outcome.NOT_FOUND
    assert not [path for path, _ in script.asked if path.startswith("/3/movie")]


async def test_a_film_of_another_year_is_a_candidate_and_not_chosen() -> None:
    script = Script(search_movie=[{"results": [HEAT]}] * 9)
    done = await run("title:heat|1951", script)
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "other_year")
    assert [candidate["tmdb_id"] for candidate in done.candidates] == [949]


async def test_a_film_that_vanishes_between_search_and_details_is_gone() -> None:
    script = Script(search_movie=[{"results": [HEAT]}], movie_details=[NotFoundError])
    done = await run("title:heat|1995", script)
    assert (done.outcome, done.reason, done.unknown_id) == (Outcome.NOT_FOUND, "gone", False)


async def test_twins_are_one_search_and_never_chosen() -> None:
    script = Script(search_movie=[{"results": [HEAT]}])
    done = await run("twins:heat|1995", script, "Heat")
    assert (done.outcome, done.reason) == (Outcome.NOT_FOUND, "ambiguous")
    assert [candidate["tmdb_id"] for candidate in done.candidates] == [949]
    assert len(script.asked) == 1


# -- what is known without asking ----------------------------------------------------------------

HEAT_IS_KNOWN = Match(949, 100, "exact title, same year")


async def test_a_title_that_the_index_knows_goes_straight_to_details() -> None:
    script = Script(movie_details=[DETAILS])
    done = await run("title:heat|1995", script, "Heat", Known(HEAT_IS_KNOWN))
    assert (done.tmdb_id, done.confidence, done.reason) == (949, 100, "exact title, same year")
    assert [path for path, _ in script.asked] == ["/3/movie/949"]


@pytest.mark.parametrize(
    "told",
    [
        {**DETAILS, "title": "Heatwave", "original_title": "Heatwave"},
        {**DETAILS, "release_date": "1996-01-02"},
        NotFoundError,
    ],
)
async def test_a_film_that_is_not_what_the_index_said_is_searched_for_after_all(
    told: dict[str, Any] | type[NotFoundError | KeyRefusedError],
) -> None:
    other = {**HEAT, "id": 7}
    script = Script(movie_details=[told, {**DETAILS, "id": 7}], search_movie=[{"results": [other]}])
    done = await run("title:heat|1995", script, "Heat", Known(HEAT_IS_KNOWN))
    assert done.tmdb_id == 7
    assert [path for path, _ in script.asked] == ["/3/movie/949", "/3/search/movie", "/3/movie/7"]


@pytest.mark.parametrize(
    ("key", "records"),
    [
        ("tmdb:949", {949: 949}),
        ("imdb:tt0113277", {"tt0113277": 949}),
        ("title:heat|1995", {949: 949}),
    ],
)
async def test_a_film_whose_record_is_fresh_takes_no_request(
    key: str, records: dict[int | str, int]
) -> None:
    script = Script()
    done = await run(key, script, index=Known(HEAT_IS_KNOWN, records))
    assert (done.outcome, done.tmdb_id, done.film) == (Outcome.FOUND, 949, None)
    assert done.confidence == 100
    assert script.asked == []


async def test_a_film_found_by_a_search_takes_no_details_where_its_record_is_fresh() -> None:
    script = Script(search_movie=[{"results": [HEAT]}])
    done = await run("title:heat|1995", script, "Heat", Known(records={949: 949}))
    assert (done.outcome, done.tmdb_id) == (Outcome.FOUND, 949)


async def test_the_index_learns_every_film_that_an_answer_speaks_of() -> None:
    beside = {"results": [{"id": 1, "title": "Beside"}, {"id": "unreadable"}]}
    like = {"results": [{"id": 2, "title": "Like", "release_date": "1990-01-01"}]}
    index = Known()
    script = Script(
        search_movie=[{"results": [HEAT, {"id": 3, "title": "Heatwave"}]}],
        movie_details=[{**DETAILS, "recommendations": beside, "similar": like}],
    )
    await run("title:heat|1995", script, "Heat", index)
    assert index.learned == [949, 3, 949, 1, 2]


async def test_what_is_shown_beside_a_film_does_no_harm_where_it_cannot_be_read() -> None:
    odd = {**DETAILS, "recommendations": "none", "similar": {"results": None}}
    done = await run("tmdb:949", Script(movie_details=[odd]))
    assert done.outcome is Outcome.FOUND


# -- what is kept, and what passes through -----------------------------------------------------


async def test_the_film_is_kept_as_tmdb_tells_it() -> None:
    film = (await run("tmdb:949", Script(movie_details=[DETAILS]))).film
    assert film is not None
    assert (film.tmdb_id, film.imdb_id, film.title) == (949, "tt0113277", "Heat")
    assert film.release_date == dt.date(1995, 12, 15)
    assert (film.genres, film.countries, film.languages) == (("Crime",), ("US",), ("en", "es"))
    assert film.directors == ({"id": 638, "name": "Michael Mann", "profile_path": None},)
    assert len(film.top_cast) == TOP_CAST
    assert film.top_cast[0]["name"] == "Actor 0"
    assert (film.vote_average, film.vote_count, film.popularity) == (Decimal("7.9"), 7000, 50.5)


async def test_a_film_of_which_little_is_known_is_kept_too() -> None:
    bare = {"id": 5, "title": "Bare", "release_date": "", "runtime": 0, "credits": {}}
    film = (await run("tmdb:5", Script(movie_details=[bare]))).film
    assert film is not None
    assert (film.original_title, film.release_date, film.runtime_minutes) == ("Bare", None, None)
    assert (film.genres, film.directors, film.top_cast) == ((), (), ())


async def test_trouble_is_not_the_courses_to_judge() -> None:
    with pytest.raises(KeyRefusedError):
        await run("title:heat|1995", Script(search_movie=[KeyRefusedError]))


@pytest.mark.parametrize("key", ["tmdb:0", "tmdb:many", "imdb:nm0000134", "title:|", "what:1"])
async def test_a_key_that_cannot_be_asked_for_is_a_value_error(key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await run(key, Script())
