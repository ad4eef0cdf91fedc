"""Cast and crew in TMDB's format: real names from the film, made-up ones for other jobs."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from local_stack.tmdb.catalogue import Catalogue
    from local_stack.tmdb.film import Film

_MADE_UP_PEOPLE: Final = 1_000_000_000
"""Ids from here on belong to made-up crew, who are not in the catalogue."""

_CHARACTERS: Final = (
    "Alma", "The Stranger", "Detective Cole", "Marguerite", "Captain Brandt", "Young Thomas",
    "The Landlady", "Ines", "Dr. Okafor", "Uncle Pavel", "Ruth", "The Ferryman", "Mr. Whitlock",
    "Sister Agnes", "Kenji", "The Clerk", "Leila", "Sheriff Dunn", "Old Anders", "The Neighbour",
)  # fmt: skip

_FIRST_NAMES: Final = (
    "Ada", "Bruno", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ilse", "Jonas", "Kaito",
    "Lena", "Mateo", "Noor", "Otto", "Petra", "Rafael", "Sanna", "Tomas", "Uma",
)  # fmt: skip
_LAST_NAMES: Final = (
    "Abel", "Brandvold", "Castellan", "Dragomir", "Eriksdal", "Fontaine-Roux", "Grunewald",
    "Halloran", "Ivankov", "Jansson", "Kirchmair", "Lindqvist", "Moravec", "Nakagawa", "Okonedo",
    "Pellegrin", "Quist", "Rosenthal", "Szabo", "Tanaka",
)  # fmt: skip

_LESSER_JOBS: Final = (
    ("Production", "Producer"),
    ("Directing", "First Assistant Director"),
    ("Writing", "Screenplay"),
    ("Camera", "Director of Photography"),
    ("Editing", "Editor"),
    ("Sound", "Original Music Composer"),
    ("Art", "Art Direction"),
)
"""Department and job. Two of them mention directing, although these people did not direct."""

_DIRECTORS_PLACE: Final = 2
"""Directors are listed among the crew, as at TMDB, so the first is not always a director."""


def stable_number(text: str) -> int:
    """Return a number below 2³¹, the same for a text in every run."""
    return zlib.crc32(text.encode()) & 0x7FFFFFFF


def credits_of(film: Film, catalogue: Catalogue) -> dict[str, object]:
    """Return the cast in billing order, and the crew with the directors among them."""
    documentary = "Documentary" in film.genres
    cast = [
        {
            **_person(catalogue.person_id(name), name, "Acting"),
            "cast_id": order + 1,
            "character": "Self" if documentary else _character(film, name),
            "credit_id": _credit_id(film, "cast", order),
            "order": order,
        }
        for order, name in enumerate(film.cast)
    ]
    crew = [
        _crew_member(film, *_made_up_person(film, job), department, job)
        for department, job in _LESSER_JOBS
    ]
    crew[_DIRECTORS_PLACE:_DIRECTORS_PLACE] = [
        _crew_member(film, catalogue.person_id(name), name, "Directing", "Director")
        for name in film.directors
    ]
    return {"cast": cast, "crew": crew}


def name_of(person_id: int, catalogue: Catalogue) -> str | None:
    """Return the name of the person with this id, made-up crew included."""
    if person_id < _MADE_UP_PEOPLE:
        return catalogue.person_name(person_id)
    first, last = divmod(person_id - _MADE_UP_PEOPLE, len(_LAST_NAMES))
    return f"{_FIRST_NAMES[first]} {_LAST_NAMES[last]}" if first < len(_FIRST_NAMES) else None


def _person(person_id: int, name: str, department: str) -> dict[str, object]:
    # Every seventh person has no picture, like many at TMDB.
    return {
        "adult": False,
        "gender": 0,
        "id": person_id,
        "known_for_department": department,
        "name": name,
        "original_name": name,
        "popularity": round(1 + stable_number(name) % 20_000 / 1000, 3),
        "profile_path": f"/person-{person_id}.svg" if person_id % 7 else None,
    }


def _crew_member(
    film: Film, person_id: int, name: str, department: str, job: str
) -> dict[str, object]:
    return {
        **_person(person_id, name, department),
        "credit_id": _credit_id(film, job, person_id),
        "department": department,
        "job": job,
    }


def _made_up_person(film: Film, job: str) -> tuple[int, str]:
    number = stable_number(f"{film.id} {job}") % (len(_FIRST_NAMES) * len(_LAST_NAMES))
    first, last = divmod(number, len(_LAST_NAMES))
    return _MADE_UP_PEOPLE + number, f"{_FIRST_NAMES[first]} {_LAST_NAMES[last]}"


def _character(film: Film, name: str) -> str:
    return _CHARACTERS[stable_number(f"{film.id} {name}") % len(_CHARACTERS)]


def _credit_id(film: Film, part: str, number: int) -> str:
    return f"{film.id:012x}{stable_number(f'{part} {number}') & 0xFFFFFF:06x}{number % 4096:06x}"
