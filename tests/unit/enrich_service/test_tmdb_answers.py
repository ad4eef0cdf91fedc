from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import pytest

from enrich_service.tmdb.answers import read_answer
from enrich_service.tmdb.errors import (
    KeyRefusedError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    TMDBError,
    Trouble,
    UnavailableError,
)
from enrich_service.tmdb.models import (
    LONGEST_NAME,
    MOST_NAMES,
    Credits,
    MovieDetails,
    SearchPage,
)
from enrich_service.tmdb.requests import (
    configuration,
    find_by_imdb_id,
    movie_details,
    search_movie,
    search_tv,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from enrich_service.tmdb.requests import TMDBRequest

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "tmdb-responses"

SEARCH = search_movie("heat", year=1995)
DETAILS = movie_details(603)
BARE_DETAILS = movie_details(603, append=())
NO_HEADERS: dict[str, str] = {}


def person(number: int, **fields: object) -> dict[str, object]:
    return {
        "adult": False, "gender": 0, "id": number, "name": f"Person {number}", "popularity": 1.2,
        "known_for_department": "Acting", "original_name": f"Person {number}",
        "profile_path": None, "credit_id": f"c{number}", **fields,
    }  # fmt: skip


def details(**fields: object) -> dict[str, object]:
    return {
        "adult": False, "backdrop_path": None, "belongs_to_collection": None, "budget": 0,
        "genres": [{"id": 18, "name": "Drama"}], "homepage": "", "id": 603,
        "imdb_id": "tt0133093", "original_language": "en", "original_title": "A Film",
        "overview": "Something happens.", "popularity": 12.5, "poster_path": "/a-poster_1.jpg",
        "production_companies": [], "revenue": 0, "runtime": 95, "status": "Released",
        "production_countries": [{"iso_3166_1": "IE", "name": "Ireland"}],
        "release_date": "1999-03-30", "tagline": "", "title": "A Film", "video": False,
        "spoken_languages": [{"english_name": "Irish", "iso_639_1": "ga", "name": "Gaeilge"}],
        "vote_average": 7.85, "vote_count": 321,
        "credits": {"cast": [], "crew": []}, **fields,
    }  # fmt: skip


def found(**fields: object) -> dict[str, object]:
    return {
        "adult": False, "backdrop_path": None, "genre_ids": [35], "id": 21, "title": "A Film",
        "original_language": "fr", "original_title": "Un film", "overview": "", "popularity": 0.6,
        "poster_path": None, "release_date": "", "video": False, "vote_average": 0,
        "vote_count": 0, **fields,
    }  # fmt: skip


def page(*results: object) -> dict[str, object]:
    return {"page": 1, "results": results, "total_pages": 1, "total_results": len(results)}


def refused(
    request: TMDBRequest[BaseModel],
    status: int,
    body: object = b"",
    headers: Mapping[str, str] = NO_HEADERS,
) -> TMDBError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(TMDBError) as caught:
        read_answer(request, status, headers, content)
    return caught.value


WRITTEN: dict[str, object] = {
    "search-movie.json": page(found(), found(id=22, release_date="2004-01-28")),
    "movie-details.json": {key: value for key, value in details().items() if key != "credits"},
    "movie-details-with-appended.json": details(
        popularity="93.49",
        credits={
            "cast": [person(1, character="Herself", order=0), person(2, character="", order=1)],
            "crew": [person(3, department="Directing", job="Director")],
        },
        **{"watch/providers": {"results": {}}},
    ),
    "movie-credits.json": {
        "id": 603,
        "cast": [person(1, character="Herself", order=0)],
        "crew": [person(3, job="Producer"), person(4, job="Director")],
    },
    "invalid-api-key.json": {"status_code": 7, "status_message": "Invalid.", "success": False},
    "resource-not-found.json": {"status_code": 34, "status_message": "Not found."},
    "validation-error.json": {"errors": ["query must be provided"]},
    "movie-lists.json": {"id": 603, **page({"id": 9, "name": "A list", "poster_path": None})},
    "configuration-countries.json": [{"iso_3166_1": "AD", "english_name": "Andorra"}],
    "movie-external-ids.json": {"id": 603, "imdb_id": "tt0133093", "wikidata_id": None},
}
PAGES_OF_FILMS = {
    "search-movie.json",
    "movie-popular.json",
    "movie-recommendations.json",
    "movie-similar.json",
    "movie-top-rated.json",
}
WHOLE_FILMS = {"movie-details.json", "movie-details-with-appended.json"}
REFUSALS: dict[str, tuple[int, type[TMDBError]]] = {
    "invalid-api-key.json": (401, KeyRefusedError),
    "resource-not-found.json": (404, NotFoundError),
    "validation-error.json": (422, RefusedError),
}
ANSWERS = [
    pytest.param(name, json.dumps(body).encode(), id=f"written-{name}")
    for name, body in WRITTEN.items()
] + [
    pytest.param(path.name, path.read_bytes(), id=f"recorded-{path.name}")
    for path in sorted(RECORDED.glob("*.json"))
]
if not any(RECORDED.glob("*.json")):
    ANSWERS.append(
        pytest.param(
            *("", b""),
            id="recorded",
            marks=pytest.mark.skip(reason=f"nobody has put TMDB's recorded answers at {RECORDED}"),
        )
    )


@pytest.mark.parametrize(("name", "body"), ANSWERS)
def test_each_answer_is_read_as_what_it_is_and_as_nothing_else(name: str, body: bytes) -> None:
    if name in REFUSALS:
        status, kind = REFUSALS[name]
        error = refused(SEARCH, status, body)
        assert type(error) is kind
        assert error.status_message
    elif name in PAGES_OF_FILMS:
        films = read_answer(SEARCH, 200, NO_HEADERS, body).results
        assert films
        assert all(film.title and film.id > 0 for film in films)
        assert all(film.poster_path is None or film.poster_path[0] == "/" for film in films)
        assert any(film.year is not None for film in films)
    elif name in WHOLE_FILMS:
        film = read_answer(BARE_DETAILS, 200, NO_HEADERS, body)
        assert film.title
        assert film.imdb_id
        assert film.imdb_id.startswith("tt")
        assert film.runtime
        assert film.genres
        assert film.production_countries
        assert film.spoken_languages
        assert film.vote_average == film.vote_average.quantize(Decimal("0.001"))  # type: ignore[union-attr]  # None fails just as well
        assert bool(film.cast and film.directors) is (name == "movie-details-with-appended.json")
    elif name == "movie-credits.json":
        people = Credits.model_validate_json(body)
        assert people.cast
        assert [person.job for person in people.crew] == ["Director"]
    else:
        for request in (SEARCH, DETAILS, BARE_DETAILS, configuration()):
            assert isinstance(refused(request, 200, body), MalformedError)


def test_a_film_is_read_with_all_that_is_shown_of_it() -> None:
    film = read_answer(
        DETAILS, 200, NO_HEADERS,
        json.dumps(details(credits={
            "cast": [
                person(1, order=2, character="Last"),
                person(2, order=0, character=None, profile_path="/p.jpg"),
                person(3, order=None),
                person(4, order=1),
            ],
            "crew": [
                person(8, job="Writer"),
                person(9, job="Director"),
                person(7, job="Director"),
                person(9, job="Director"),
                person(6, job="Assistant Director"),
            ],
        })).encode(),
    )  # fmt: skip

    assert [member.id for member in film.cast] == [2, 4, 1, 3]
    assert [director.id for director in film.directors] == [9, 7]
    assert film.cast[0].profile_path == "/p.jpg"
    assert film.year == 1999
    assert film.vote_average == Decimal("7.85")
    assert film.poster_path == "/a-poster_1.jpg"


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    [
        ("release_date", "", None),
        ("release_date", None, None),
        ("release_date", "1999", None),
        ("release_date", "0000-00-00", None),
        ("release_date", 19990330, None),
        ("poster_path", None, None),
        ("poster_path", "", None),
        ("poster_path", "javascript:alert(1)", None),
        ("poster_path", "/../../secret", None),
        ("runtime", 0, None),
        ("runtime", None, None),
        ("runtime", -5, None),
        ("runtime", "95", 95),
        ("imdb_id", "", None),
        ("imdb_id", None, None),
        ("imdb_id", "nm0000206", None),
        ("genres", None, ()),
        ("genres", [{"id": 1, "name": None}], ()),
        ("overview", None, None),
        ("original_title", None, None),
        ("vote_average", None, None),
        ("vote_average", "n/a", None),
        ("vote_count", None, 0),
        ("popularity", "", 0),
        ("credits", {"cast": None, "crew": None}, Credits()),
        ("credits", {}, Credits()),
        ("credits", {"cast": [{"id": 5, "name": ""}], "crew": []}, Credits()),
    ],
)
def test_what_tmdb_does_not_know_is_none_and_spoils_nothing(
    field: str, sent: object, read: object
) -> None:
    film = read_answer(DETAILS, 200, NO_HEADERS, json.dumps(details(**{field: sent})).encode())

    assert getattr(film, field) == read
    assert film.title == "A Film"


def test_only_an_id_and_a_title_are_needed() -> None:
    film = read_answer(BARE_DETAILS, 200, NO_HEADERS, b'{"id": 1, "title": "X"}')

    assert (film.year, film.directors, film.cast) == (None, (), ())


@pytest.mark.parametrize(
    "body",
    [
        details(id=0), details(id=None), details(title=None), details(title=7), details(id="x"),
        details(credits=None), details(credits=[]), [], "text", None, 5,
        {key: value for key, value in details().items() if key != "credits"},
    ],
)  # fmt: skip
def test_a_film_that_may_be_a_wrong_one_is_malformed(body: object) -> None:
    error = refused(DETAILS, 200, body)

    assert isinstance(error, MalformedError)
    assert error.retryable
    assert error.route == "movie_details"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>Sign in</html>", b'{"id": 603, "title": "The Ma', b"\xff\xfe", b"[" * 100_000,
        b'{"id": 603, "title": "\\ud800", "credits": {}}',
    ],
)  # fmt: skip
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    assert isinstance(refused(DETAILS, 200, body), MalformedError)


def test_a_search_answer_with_one_broken_film_is_not_taken_for_one_without_it() -> None:
    error = refused(SEARCH, 200, page(found(), found(title=None)))

    assert isinstance(error, MalformedError)
    assert "results.1.title" in str(error)


def test_text_that_the_database_cannot_hold_is_taken_out() -> None:
    body = rb'{"id": 1, "title": "No\u0000ugh \\u0000 \\\u0000t", "credits": {}}'

    assert read_answer(DETAILS, 200, NO_HEADERS, body).title == "Nough \\u0000 \\t"


def test_a_long_answer_is_read_in_an_instant() -> None:
    crowd = [person(number, order=number, character="x" * 40) for number in range(1, 1_500)]
    body = json.dumps(details(credits={"cast": crowd[:200], "crew": crowd})).encode()
    assert len(body) > 150_000
    read_answer(DETAILS, 200, NO_HEADERS, body)

    started = thread_time()
    film = read_answer(DETAILS, 200, NO_HEADERS, body)

    assert thread_time() - started < 0.25
    assert len(film.cast) == 200


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"status_code": 34, "status_message": "m", "success": False}, NotFoundError),
        (404, {"status_code": 6, "status_message": "m"}, NotFoundError),
        (404, {"status_message": "m"}, NotFoundError),
        (500, {"status_code": 44, "status_message": "The ID is invalid."}, NotFoundError),
        (200, {"status_code": 34, "status_message": "m", "success": False}, NotFoundError),
        (429, {"status_code": 25, "status_message": "m"}, RateLimitedError),
        (429, b"<html>", RateLimitedError),
        (503, {"status_code": 25, "status_message": "m"}, RateLimitedError),
        (401, {"status_code": 7, "status_message": "m"}, KeyRefusedError),
        (401, {"status_code": 10, "status_message": "m"}, KeyRefusedError),
        (401, {"status_code": 3, "status_message": "m"}, KeyRefusedError),
        (401, {"status_code": 35, "status_message": "m"}, KeyRefusedError),
        (401, b"", KeyRefusedError),
        (403, {"status_code": 45, "status_message": "m"}, KeyRefusedError),
        (200, {"status_code": 7, "status_message": "m", "success": False}, KeyRefusedError),
        (400, {"status_code": 22, "status_message": "m"}, RefusedError),
        (422, {"errors": ["query must be provided"]}, RefusedError),
        (414, b"<html>", RefusedError),
        (403, {"status_code": 8, "status_message": "m"}, RefusedError),
        (404, {"errors": ["no"]}, NotFoundError),
        (200, {"status_code": 1, "status_message": "Success."}, MalformedError),
        (204, b"", MalformedError),
    ],
)  # fmt: skip
def test_each_refusal_is_told_apart(status: int, body: object, kind: type[TMDBError]) -> None:
    error = refused(DETAILS, status, body)

    assert type(error) is kind
    assert error.http_status == status
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"status_code": 11, "status_message": "m"}, Trouble.SERVER_ERROR),
        (502, {"status_code": 43, "status_message": "m"}, Trouble.SERVER_ERROR),
        (503, {"status_code": 46, "status_message": "m"}, Trouble.SERVER_ERROR),
        (503, {"status_code": 9, "status_message": "m"}, Trouble.SERVER_ERROR),
        (504, {"status_code": 24, "status_message": "m"}, Trouble.SERVER_ERROR),
        (504, b"<html>Gateway</html>", Trouble.SERVER_ERROR),
        (200, {"status_code": 46, "status_message": "m"}, Trouble.SERVER_ERROR),
        (408, b"", Trouble.TIMEOUT),
        (301, b"", Trouble.FOREIGN),
        (302, b"", Trouble.FOREIGN),
        (403, b"<html>blocked</html>", Trouble.FOREIGN),
        (404, b"<html>nginx</html>", Trouble.FOREIGN),
        (404, {"message": "no Route matched"}, Trouble.FOREIGN),
        (404, ["no"], Trouble.FOREIGN),
        (407, b"", Trouble.FOREIGN),
    ],
)
def test_trouble_that_says_nothing_about_the_film_is_unavailable(
    status: int, body: object, kind: Trouble
) -> None:
    error = refused(DETAILS, status, body)

    assert isinstance(error, UnavailableError)
    assert error.kind is kind
    assert error.retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"RETRY-AFTER": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "9" * 40}, None),
        ({"Retry-After": "٣"}, None),
        (
            {
                "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30.0,
        ),
        (
            {
                "Retry-After": "Wed, 21 Oct 2015 07:28:30 -0000",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_the_wait_that_tmdb_asks_for_is_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    over_limit = refused(DETAILS, 429, {"status_code": 25}, headers)
    offline = refused(DETAILS, 503, {"status_code": 9}, headers)

    assert isinstance(over_limit, RateLimitedError)
    assert isinstance(offline, UnavailableError)
    assert over_limit.retry_after == pytest.approx(seconds)
    assert offline.retry_after == pytest.approx(seconds)


def test_an_error_says_what_where_and_in_tmdbs_words_on_one_line() -> None:
    error = refused(DETAILS, 401, {"status_code": 10, "status_message": "Suspended\nAPI key: x."})

    assert str(error) == (
        "movie_details: TMDB refuses the key: see TMDB_API_KEY; HTTP 401; TMDB code 10; "
        "Suspended API key: x."
    )
    assert (error.code, error.status_code) == ("key_refused", 10)


def test_a_flood_of_words_is_cut() -> None:
    assert len(str(refused(DETAILS, 400, {"errors": ["x" * 9_000]}))) < 300


@pytest.mark.parametrize("code", [True, "7", None, 7.5])
def test_a_code_that_is_no_number_is_not_believed(code: object) -> None:
    error = refused(DETAILS, 400, {"status_code": code, "status_message": 5})

    assert type(error) is RefusedError
    assert error.status_code is None


def test_an_imdb_id_is_a_film_television_or_nothing() -> None:
    request = find_by_imdb_id("tt0903747")

    def read(**lists: object) -> bool:
        body = json.dumps({"movie_results": [], "person_results": [], **lists}).encode()
        return read_answer(request, 200, NO_HEADERS, body).is_television

    assert read(tv_results=[{"id": 1396, "name": "A Series", "first_air_date": ""}])
    assert read(tv_episode_results=[{"id": 62085, "show_id": 1396}])
    assert read(tv_season_results=[{"id": 3572}])
    assert not read(movie_results=[found()])
    assert not read()
    assert isinstance(refused(request, 200, {"tv_results": []}), MalformedError)


def test_television_and_the_probe_are_read() -> None:
    series = read_answer(
        search_tv("a series"), 200, NO_HEADERS,
        json.dumps(page({"id": 1, "name": "A Series", "first_air_date": "2008-01-20"})).encode(),
    )  # fmt: skip
    probe = read_answer(
        configuration(), 200, NO_HEADERS,
        b'{"images": {"secure_base_url": "https://image.test/t/p/", "poster_sizes": ["w92"]}}',
    )  # fmt: skip

    assert series.results[0].name == "A Series"
    assert probe.images.poster_sizes == ("w92",)


def test_models_say_which_answer_they_are() -> None:
    assert SEARCH.model is SearchPage
    assert DETAILS.model is MovieDetails


def test_other_names_of_a_film_are_its_alternative_and_translated_titles() -> None:
    told = details(
        title="Heat",
        alternative_titles={"titles": [{"title": "HEAT  2"}, {"title": None}, {"title": "Heat"}]},
        translations={
            "translations": [
                {"iso_639_1": "de", "data": {"title": "Hitze", "overview": "..."}},
                {"iso_639_1": "fr", "data": {"title": ""}},
                {"iso_639_1": "it", "data": None},
                {"iso_639_1": "en"},
                {"iso_639_1": "es", "data": {"title": "x" * (LONGEST_NAME + 1)}},
            ]
        },
    )
    assert read_answer(movie_details(603), 200, {}, json.dumps(told).encode()).other_names == (
        "HEAT 2",
        "Hitze",
    )


def test_other_names_are_bounded_and_may_be_missing() -> None:
    many = [{"title": f"Name {number}"} for number in range(3 * MOST_NAMES)]
    told = details(alternative_titles={"titles": many}, translations="none")
    assert (
        len(read_answer(movie_details(603), 200, {}, json.dumps(told).encode()).other_names)
        == MOST_NAMES
    )
    assert (
        read_answer(movie_details(603), 200, {}, json.dumps(details()).encode()).other_names == ()
    )
