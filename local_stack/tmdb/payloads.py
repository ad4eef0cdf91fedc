"""TMDB's JSON of a film: search entry, details and appended responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.tmdb.credits import credits_of, stable_number
from local_stack.tmdb.reference import COUNTRY_NAMES, GENRE_IDS, KEYWORDS, LANGUAGE_NAMES
from local_stack.tmdb.refusals import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local_stack.tmdb.catalogue import Catalogue, Page
    from local_stack.tmdb.film import Film
    from local_stack.tmdb.television import Show

_PREMIERE = 3
"""TMDB's code of a theatrical release."""


def entry_of(film: Film) -> dict[str, object]:
    """Return a film as an entry of search results."""
    return {
        "adult": False,
        "backdrop_path": f"/backdrop-{film.id}.svg" if film.poster else None,
        "genre_ids": [GENRE_IDS[name] for name in film.genres],
        "id": film.id,
        "original_language": film.language,
        "original_title": film.original_title,
        "overview": film.overview,
        "popularity": film.popularity,
        "poster_path": f"/{film.id}.svg" if film.poster else None,
        "release_date": film.release_date,
        "title": film.title,
        "video": film.video,
        "vote_average": film.vote_average,
        "vote_count": film.vote_count,
    }


def show_entry_of(show: Show) -> dict[str, object]:
    """Return a television show as an entry of search results."""
    return {
        "adult": False,
        "backdrop_path": None,
        "genre_ids": list(show.genre_ids),
        "id": show.id,
        "origin_country": [show.country],
        "original_language": show.language,
        "original_name": show.original_name,
        "overview": show.overview,
        "popularity": show.popularity,
        "poster_path": None,
        "first_air_date": show.first_air_date,
        "name": show.name,
        "vote_average": show.vote_average,
        "vote_count": show.vote_count,
    }


def page_of(page: Page[Film]) -> bytes:
    """Return a page of films."""
    return _page(page.number, map(entry_of, page.entries), page.total_pages, page.total_results)


def show_page_of(page: Page[Show]) -> bytes:
    """Return a page of television shows."""
    entries = map(show_entry_of, page.entries)
    return _page(page.number, entries, page.total_pages, page.total_results)


def _page(
    number: int, entries: Iterable[dict[str, object]], total_pages: int, total_results: int
) -> bytes:
    return as_json(
        {
            "page": number,
            "results": list(entries),
            "total_pages": total_pages,
            "total_results": total_results,
        }
    )


def found_by_imdb_id(film: Film | None, show: Show | None) -> bytes:
    """Return the response of `find`, with a list for each kind of entry."""
    movies = [] if film is None else [{**entry_of(film), "media_type": "movie"}]
    shows = [] if show is None else [{**show_entry_of(show), "media_type": "tv"}]
    return as_json(
        {
            "movie_results": movies,
            "person_results": [],
            "tv_results": shows,
            "tv_episode_results": [],
            "tv_season_results": [],
        }
    )


def details_of(
    film: Film, catalogue: Catalogue, appended: Iterable[str], revealed: float = 1.0
) -> bytes:
    """Return the details of a film with the `append_to_response` parts; unknown names are ignored.

    Only the share `revealed` of all films ever appears among recommendations and similar films.
    """
    details: dict[str, object] = {
        "adult": False,
        "backdrop_path": f"/backdrop-{film.id}.svg" if film.poster else None,
        "belongs_to_collection": None,
        "budget": 0,
        "genres": [{"id": GENRE_IDS[name], "name": name} for name in film.genres],
        "homepage": "",
        "id": film.id,
        "imdb_id": film.imdb_id,
        "original_language": film.language,
        "original_title": film.original_title,
        "overview": film.overview,
        "popularity": film.popularity,
        "poster_path": f"/{film.id}.svg" if film.poster else None,
        "production_companies": _companies(film),
        "production_countries": [
            {"iso_3166_1": code, "name": COUNTRY_NAMES[code]} for code in film.countries
        ],
        "release_date": film.release_date,
        "revenue": 0,
        "runtime": film.runtime,
        "spoken_languages": [_language(film.language)],
        "status": "Released" if film.release_date else "Rumored",
        "tagline": "",
        "title": film.title,
        "video": film.video,
        "vote_average": film.vote_average,
        "vote_count": film.vote_count,
    }
    for name in appended:
        if name in _APPENDABLE:
            details[name] = _APPENDABLE[name](film, catalogue)
        elif name in _RELATED:
            related = _RELATED[name](film, catalogue)
            details[name] = _related([one for one in related if _is_revealed(one, revealed)])
    return as_json(details)


def credits_page_of(film: Film, catalogue: Catalogue) -> bytes:
    """Return the response of `movie/{id}/credits`."""
    return as_json({"id": film.id, **credits_of(film, catalogue)})


def _language(code: str) -> dict[str, str]:
    english_name, name = LANGUAGE_NAMES[code]
    return {"english_name": english_name, "iso_639_1": code, "name": name}


def _companies(film: Film) -> list[dict[str, object]]:
    if not film.directors:
        return []
    name = f"{film.directors[0].split()[-1]} Pictures"
    return [
        {
            "id": stable_number(name),
            "logo_path": None,
            "name": name,
            "origin_country": film.countries[0] if film.countries else "",
        }
    ]


def _keywords(film: Film, _: Catalogue) -> dict[str, object]:
    names = [keyword for genre in film.genres for keyword in KEYWORDS[genre]]
    return {"keywords": [{"id": stable_number(name), "name": name} for name in names]}


def _external_ids(film: Film, _: Catalogue) -> dict[str, object]:
    return {
        "imdb_id": film.imdb_id,
        "wikidata_id": None,
        "facebook_id": None,
        "instagram_id": None,
        "twitter_id": None,
    }


def _release_dates(film: Film, _: Catalogue) -> dict[str, object]:
    days = [film.release_date] if film.release_date else []
    days += [f"{year}-01-01" for year in film.release_years]
    releases = [
        {
            "certification": "",
            "descriptors": [],
            "iso_639_1": "",
            "note": "",
            "release_date": f"{day}T00:00:00.000Z",
            "type": _PREMIERE,
        }
        for day in days
    ]
    countries = film.countries if releases else ()
    return {"results": [{"iso_3166_1": code, "release_dates": releases} for code in countries]}


def _alternative_titles(film: Film, _: Catalogue) -> dict[str, object]:
    titles = dict.fromkeys((film.original_title, *film.other_titles))
    titles.pop(film.title, None)
    country = film.countries[0] if film.countries else ""
    return {"titles": [{"iso_3166_1": country, "title": title, "type": ""} for title in titles]}


def _translations(film: Film, _: Catalogue) -> dict[str, object]:
    """The original and English: a title only where it is another than the original one."""
    texts = {film.language: "", "en": film.title if film.title != film.original_title else ""}
    return {
        "translations": [
            {
                "iso_3166_1": "US" if code == "en" else next(iter(film.countries), ""),
                "iso_639_1": code,
                "name": LANGUAGE_NAMES[code][1],
                "english_name": LANGUAGE_NAMES[code][0],
                "data": {
                    "homepage": "",
                    "overview": film.overview,
                    "runtime": film.runtime or 0,
                    "tagline": "",
                    "title": title,
                },
            }
            for code, title in texts.items()
        ]
    }


def _recommendations(film: Film, catalogue: Catalogue) -> list[dict[str, object]]:
    related = catalogue.recommendations(film)
    return [{**entry_of(other), "media_type": "movie"} for other in related]


def _similar(film: Film, catalogue: Catalogue) -> list[dict[str, object]]:
    return [entry_of(other) for other in catalogue.similar(film)]


def _is_revealed(entry: dict[str, object], revealed: float) -> bool:
    return stable_number(str(entry["id"])) % 1000 < revealed * 1000


def _related(entries: list[dict[str, object]]) -> dict[str, object]:
    return {
        "page": 1,
        "results": entries,
        "total_pages": 1 if entries else 0,
        "total_results": len(entries),
    }


_APPENDABLE: dict[str, Callable[[Film, Catalogue], dict[str, object]]] = {
    "credits": credits_of,
    "keywords": _keywords,
    "external_ids": _external_ids,
    "release_dates": _release_dates,
    "alternative_titles": _alternative_titles,
    "translations": _translations,
}
_RELATED: dict[str, Callable[[Film, Catalogue], list[dict[str, object]]]] = {
    "recommendations": _recommendations,
    "similar": _similar,
}
