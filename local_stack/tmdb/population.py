"""Films cut from a simulated TMDB of 1.24 million: as many namesakes as the real one has.

A catalogue of some ten thousand films with titles of their own says nothing of wrong films, for in
the real one half of the common films share their title with somebody. So titles are dealt to a
whole population first, and then only the best known films are kept, with all that share a title
with one of them.

What it is made after was counted in 19,741 films with public facts (ids, titles, years, votes and
popularity of a quarter of what MovieLens lists), and extrapolated:

- *Shared titles.* Two films of it have one original title with a chance of 3.1 in a million, and
  the number of films with a namesake grows with the sample as a Pitman-Yor process of discount 0.75
  says (Pitman and Yor 1997): from 0.24 % of the 2,500 best known among 1,000 others to 4.6 % among
  17,000. Such a process may be scaled: with 1.24 million films it gives 3.8 namesakes to a common
  film on average and at least one to 48 %.
- *Display titles.* 12.7 % of the 2,500 best known, 14.9 % of all, have one that differs from their
  original title. They are dealt like the others, so a translated film meets namesakes as often.
- *Years.* 2.5 % of the pairs of namesakes are from one year, as here.
- *Votes.* Those of the quarter's n-th film are given to film 4n; beyond, almost none has any.
- *Videos.* Each thirtieth film is marked as one. How many are was not counted: this is assumed.
- *Popularity.* It goes with votes to the power of 0.66, and strays from that by a factor of e.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from local_stack.tmdb.exports import ExportLine, export_of
from local_stack.tmdb.generator import FIRST_ID, distinct_titles, generate_films

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

TMDB_FILMS: Final = 1_240_000
"""Lines of TMDB's daily export."""
KNOWN: Final = 30_000
_DISCOUNT: Final = 0.75
_PAIRS_IN_A_MILLION: Final = 3.08
_TRANSLATED_OF_FOREIGN: Final = 0.95
"""Of the generated films 15 % have an original title in another language."""
_FIRST_YEAR: Final = 1915
_YEARS: Final = 110
_YEAR_SKEW: Final = 0.2
_VOTES: Final = (
    (1, 32_000.0), (400, 7_250.0), (4_000, 800.0), (10_000, 200.0), (20_000, 37.0), (40_000, 10.0),
    (60_000, 3.0), (100_000, 1.0), (400_000, 0.4), (TMDB_FILMS, 0.0),
)  # fmt: skip
_RANKS_TO_A_VIDEO: Final = 30
_POPULARITY_POWER: Final = 0.66
_POPULARITY_STRAY: Final = 1.04


@dataclass(frozen=True, slots=True)
class Population:
    """Films of a simulated TMDB.

    Attributes:
        films: those that are kept, by rank, the best known first.
        known: how many of them are the best known of all; the others share a title with one.
    """

    films: Sequence[Film]
    known: int


def simulate(
    known: int = KNOWN, seed: int = 1, *, of: int = TMDB_FILMS, namesakes: int | None = None
) -> Population:
    """Simulate a population, and keep its best known films and their namesakes.

    Args:
        known: how many of the best known are kept.
        seed: of the random choices.
        of: how many films there are in all.
        namesakes: of so many of the known all namesakes are kept; of all unless told.
    """
    chance = random.Random(seed)
    titles = _deal_titles(of, chance)  # of the film of each rank
    wanted = set(titles[: known if namesakes is None else namesakes])
    ranks = [rank for rank in range(of) if rank < known or titles[rank] in wanted]
    names: dict[int, str] = {}
    fresh = iter(distinct_titles(len({titles[rank] for rank in ranks}), seed))
    films = []
    for rank, base in zip(ranks, generate_films(len(ranks), seed), strict=True):
        if (title := names.get(titles[rank])) is None:
            title = names[titles[rank]] = next(fresh)
        films.append(_dressed(base, title, rank + 1, chance))
    return Population(films, min(known, of))


def simulate_export(seed: int = 1, *, of: int = TMDB_FILMS) -> bytes:
    """The daily export of a whole population: so many lines, with its shared titles."""
    chance = random.Random(seed)
    titles = _deal_titles(of, chance)
    names = distinct_titles(max(titles) + 1, seed)
    return export_of(
        ExportLine(
            FIRST_ID + rank,
            names[title],
            _popularity(_votes_at(rank + 1), chance),
            _is_video(rank + 1),
        )
        for rank, title in enumerate(titles)
    )


def _is_video(rank: int) -> bool:
    """Whether the film with this rank, counted from 1, is marked as a video."""
    return rank % _RANKS_TO_A_VIDEO == 0


def _popularity(votes: int, chance: random.Random) -> float:
    popularity = math.pow(votes + 0.6, _POPULARITY_POWER)
    return round(popularity * math.exp(chance.gauss(0, _POPULARITY_STRAY)), 4)


def _deal_titles(films: int, chance: random.Random) -> list[int]:
    """The number of each film's title, dealt by a Pitman-Yor process and put in no order."""
    # The chance that any two share one is (1 - discount) / (1 + strength).
    strength = (1 - _DISCOUNT) * 1e6 / _PAIRS_IN_A_MILLION * films / TMDB_FILMS
    titles: list[int] = []
    bearers: Counter[int] = Counter()
    for dealt in range(films):
        draw = chance.random() * (strength + dealt) - strength
        title = titles[int(draw)] if draw >= 0 else len(bearers)
        if draw >= 0 and chance.random() < _DISCOUNT / bearers[title]:
            title = len(bearers)
        bearers[title] += 1
        titles.append(title)
    chance.shuffle(titles)
    return titles


def _dressed(base: Film, title: str, rank: int, chance: random.Random) -> Film:
    """A generated film with this title, and with the votes of its rank."""
    year = _FIRST_YEAR + int(_YEARS * chance.random() ** _YEAR_SKEW)
    translated = base.language != "en" and chance.random() < _TRANSLATED_OF_FOREIGN
    votes = _votes_at(rank)
    day = base.release_date[4:].replace("-02-29", "-02-28") or "-01-01"
    return replace(
        base,
        title=title,
        original_title=base.original_title if translated else title,
        release_date=f"{year}{day}" if base.release_date or votes else "",
        vote_count=votes,
        measured_popularity=_popularity(votes, chance),
        video=_is_video(rank),
        release_years=tuple(year + later - (base.year or later) for later in base.release_years),
    )


def _votes_at(rank: int) -> int:
    """The votes of the film with this rank, counted from 1."""
    place = min(bisect_right(_VOTES, (rank, math.inf)), len(_VOTES) - 1)
    (near, more), (far, fewer) = _VOTES[place - 1], _VOTES[place]
    part = math.log(rank / near) / math.log(far / near)
    return round(math.exp(math.log(more + 0.5) * (1 - part) + math.log(fewer + 0.5) * part) - 0.5)
