"""Questions made of a set of real titles: as lists spell them, mistyped, by other names.

The set is a folder of two files of JSON lines, gzipped: `films.jsonl.gz` are films as TMDB knows
them, `titles.jsonl.gz` titles as lists write them, with the id of the film that is meant.
"""

from __future__ import annotations

import gzip
import json
import random
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from enrich_service.matching.title_normalisation import ARTICLES, normalise
from local_stack.tmdb.film import Film
from local_stack.tmdb.reference import LANGUAGE_NAMES
from shared.lookup_keys import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SEED: Final = 2_017
FIRST_INVENTED: Final = 800_000_000
SHORTEST_TO_MISTYPE: Final = 5
EVERYBODY_KNOWS: Final = 500
"""With so many votes a film may be taken for the one meant of two with one title and year."""
FAR_YEARS: Final = (-9, -4, -2, 2, 3, 8)


@dataclass(frozen=True, slots=True)
class Asked:
    """A title and year as a list has them, and the TMDB id of the film that is meant."""

    title: str
    year: int | None
    meant: int


class MatchingSet:
    """The films and titles of a folder.

    Args:
        folder: of `films.jsonl.gz` and `titles.jsonl.gz`.
        sample: questions of each kind at most; 0 asks all of them.
    """

    def __init__(self, folder: Path, sample: int = 0) -> None:
        self.films = [_film(line) for line in _lines(folder / "films.jsonl.gz")]
        self._by_id = {film.id: film for film in self.films}
        self._bearers: dict[str, list[Film]] = defaultdict(list)
        for film in self.films:
            for name in {normalise(name) for name in _names(film)}:
                self._bearers[name].append(film)
        lines = _lines(folder / "titles.jsonl.gz")
        self._listed = [line for line in lines if line["title"] and line["tmdb_id"] in self._by_id]
        self._sample = sample

    def kinds(self) -> dict[str, list[Asked]]:
        """The questions of each kind."""
        lists = [(line, self._by_id[line["tmdb_id"]]) for line in self._listed]
        spelt = [Asked(line["asked"], None, film.id) for line, film in lists]
        plain = [Asked(line["title"], line["year"], film.id) for line, film in lists]
        shown = [Asked(film.title, film.year, film.id) for _, film in lists]
        original = [Asked(film.original_title, film.year, film.id) for _, film in lists]
        kinds = {
            "a list's spelling": spelt,
            "its hard part": [
                asked
                for asked, (line, film) in zip(spelt, lists, strict=True)
                if _bare(line["title"]) != _bare(film.title)
            ],
            "title and year": plain,
            "one typo, year right": [typo for one in plain if (typo := self._mistyped(one))],
            "another name on the list, and year": [
                Asked(name, line["year"], film.id) for line, film in lists for name in line["akas"]
            ],
            "an alternative title at TMDB, and year": [
                Asked(name, film.year, film.id) for _, film in lists for name in film.other_titles
            ],
            "year one off": [_year_off(one) for one in shown if self._is_alone(one, apart=2)],
            "no year": [replace(one, year=None) for one in shown if self._is_alone(one)],
            "original title": [one for one in original if self._is_alone(one, apart=1)],
        }
        return {kind: self._sampled(questions) for kind, questions in kinds.items()}

    def twins(self) -> list[Asked]:
        """Films that share title and year with another, none of which everybody knows."""
        groups = defaultdict(list)
        for film in self.films:
            groups[fold(film.title), film.year].append(film)
        return [
            Asked(film.title, film.year, film.id)
            for films in groups.values()
            if len(films) > 1 and max(film.vote_count for film in films) < EVERYBODY_KNOWS
            for film in films
        ]

    def invented(self) -> list[Film]:
        """Films that sound like the real ones, and that no question means."""
        chance = random.Random(SEED)  # noqa: S311  # no secret
        invented: list[Film] = []
        for line in self._listed:
            film = self._by_id[line["tmdb_id"]]
            title, apart = chance.choice(_INVENTIONS)(film.title, line["title"], chance)
            if not apart and normalise(title) in self._bearers:
                continue
            namesake = replace(
                film,
                id=FIRST_INVENTED + len(invented),
                imdb_id=None,
                title=title,
                original_title=title,
                other_titles=(),
                release_date=f"{(film.year or line['year']) + apart}-06-15",
                vote_count=chance.choice((0, 2, 11, 60, 300)),
            )
            invented.append(namesake)
        return invented

    def _is_alone(self, one: Asked, apart: int | None = None) -> bool:
        """Whether no other film of the name is as few years apart, if that matters."""
        bearers = {
            film.id
            for film in self._bearers[normalise(one.title)]
            if apart is None or abs((film.year or 0) - (one.year or 0)) <= apart
        }
        return bearers == {one.meant}

    def _mistyped(self, one: Asked) -> Asked | None:
        """Drop, double or swap a letter, unless that makes it some film's name."""
        chance = random.Random(one.title)  # noqa: S311  # no secret
        places = [
            place
            for place in range(len(one.title) - 1)
            if one.title[place].isalpha() and one.title[place + 1].isalpha()
        ]
        if len(one.title) < SHORTEST_TO_MISTYPE or not places:
            return None
        title = _with_a_typo(one.title, chance.choice(places), chance)
        is_a_name = title == one.title or normalise(title) in self._bearers
        return None if is_a_name else replace(one, title=title)

    def _sampled(self, questions: list[Asked]) -> list[Asked]:
        if not self._sample or len(questions) <= self._sample:
            return questions
        chance = random.Random(SEED)  # noqa: S311  # no secret
        return chance.sample(questions, self._sample)


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _film(line: dict[str, Any]) -> Film:
    return Film(
        id=line["id"],
        imdb_id=line["imdb_id"],
        title=line["title"],
        original_title=line["original_title"],
        release_date=line["release_date"] or "",
        genres=(),
        runtime=line["runtime"],
        countries=(),
        language=line["language"] if line["language"] in LANGUAGE_NAMES else "en",
        directors=(),
        cast=(),
        vote_count=line["vote_count"],
        vote_average=0.0,
        overview="",
        other_titles=tuple(line["alternative"]),
    )


def _names(film: Film) -> tuple[str, ...]:
    return (film.title, film.original_title, *film.other_titles)


def _bare(title: str) -> str:
    """The title without case, accents, punctuation and articles."""
    plain = unicodedata.normalize("NFKD", title.casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    words = "".join(char if char.isalnum() else " " for char in letters).split()
    return " ".join(word for word in words if word not in ARTICLES)


def _year_off(one: Asked) -> Asked:
    return replace(one, year=(one.year or 0) + (1 if one.meant % 2 else -1))


def _with_a_typo(title: str, place: int, chance: random.Random) -> str:
    before, letter, after = title[:place], title[place], title[place + 1 :]
    typos = (before + after, before + letter * 2 + after, before + after[0] + letter + after[1:])
    return chance.choice(typos)


def _same_year(words: Sequence[str]) -> Callable[[str, str, random.Random], tuple[str, int]]:
    return lambda title, _, chance: (chance.choice(words).format(title), 0)


def _first_half(title: str, _: str, __: random.Random) -> tuple[str, int]:
    words = title.split()
    return " ".join(words[: -(-len(words) // 2)]), 0


_INVENTIONS: Final[Sequence[Callable[[str, str, random.Random], tuple[str, int]]]] = (
    lambda title, _, chance: (title, chance.choice(FAR_YEARS)),
    lambda _, listed, chance: (listed, chance.choice(FAR_YEARS)),
    _same_year(("The Making of {}", "{}: Behind the Scenes", "{}: The Lost Tapes", "{} Revisited")),
    _same_year(("{} 2", "{} Again", "My {}", "{}s", "The Last {}", "{} in Love")),
    lambda title, _, chance: (chance.choice(title.split()), 0),
    _first_half,
)
"""Make a title and the years it is apart from a real film's title and a list's for it."""
