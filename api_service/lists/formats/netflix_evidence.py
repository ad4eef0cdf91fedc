"""Which titles of a viewing history are episodes', by comparing all of them.

No list of words for seasons and episodes is ever whole, so a history is read for its own:

- a part between two others is a season's, above all one with a numeral or one that several shows
  have;
- a numbered last part is an episode's if its word stands for one elsewhere in the history: beneath
  a season, in brackets, or with three numerals of one show;
- titles with one beginning are a show's if they were watched as a show is.

Films of a franchise have one beginning as well: `Star Wars: …`. The days tell them apart, because
an episode takes less than half of a film's time. Of 62 such groups in public histories three had
three films on a day, and none had seven; of 412 shows that are written so 313 had three episodes on
one. What the days do not tell stays a film, and is noted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from api_service.lists.formats.netflix_titles import (
    WIDE_COLON,
    has_numeral,
    is_episode_by_itself,
    is_numbered,
    take_apart,
)
from api_service.lists.model import NotAFilm, Problem
from api_service.lists.values.cells import read_title, shown
from api_service.lists.values.title_types import EPISODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from api_service.lists.formats.netflix_titles import Form, Numbered, Title

MOST_TITLES: Final = 100_000
"""Titles of one history that are compared; those after them are judged each by itself."""
_LONGEST: Final = 500
"""Characters of a title that is compared."""

_SHOW_AND_EPISODE: Final = 2
"""Parts of a title."""
_FEW: Final = 3
"""Titles with one beginning, fewer of which say nothing."""
_MANY: Final = 7
"""Films of one beginning that nobody was seen to have."""
_LAST_CHAPTER: Final = 4
"""The highest of a film whose form also stands beneath seasons: `John Wick: Chapter 4`."""
_HIGH: Final = 10
"""The highest numeral of any film."""
_SEASON_DAYS: Final = 100
"""Days within which a season is watched by those who have one episode a day or two."""


_TWO_COLONS: Final = NotAFilm(
    Problem.TV_EPISODE,
    "",
    "is taken for an episode, because a show, a season and a name make three parts; add it by "
    "itself if it is a film",
)


class Verdicts:
    """What the titles of one history are; one that was not compared is judged by itself."""

    def __init__(self, judged: Mapping[str, NotAFilm | None], doubts: dict[str, str]) -> None:
        self._judged = judged
        self._doubts = doubts

    @property
    def has_doubts(self) -> bool:
        """Whether there is anything to note."""
        return bool(self._doubts)

    def not_a_film(self, title: str) -> NotAFilm | None:
        """Return why a title is no film's, None where it is one's."""
        if ": " not in title and title[-1:] != ")" and (title.isascii() or WIDE_COLON not in title):
            return None
        if title in self._judged:
            return self._judged[title]
        return EPISODE if is_episode_by_itself(title) else _by_its_parts(take_apart(title, None))

    def doubt(self, title: str) -> str | None:
        """Return why a title that is read as a film's may be an episode's; said once a show."""
        return self._doubts.pop(title, None)


class History:
    """The distinct titles of a history, gathered while its file is surveyed."""

    def __init__(self) -> None:
        self._days: dict[str, str] = {}

    def add(self, title: str, day: str) -> None:
        """Add a row: its title and its date, as written."""
        first = title.find(": ")
        if first < 0:
            if title[-1:] != ")" and (title.isascii() or WIDE_COLON not in title):
                return
        elif (last := title.rfind(": ")) > first and not is_numbered(title, last + 2):
            return  # an episode's, from which there is nothing to learn
        if len(title) <= _LONGEST and len(self._days) < MOST_TITLES:
            self._days.setdefault(read_title(title), day)

    def judge(self, read_day: Callable[[str], date | None]) -> Verdicts:
        """Compare the titles; `read_day` raises ValueError for what is no date."""
        shows: dict[str, list[Title]] = defaultdict(list)
        for title, cell in self._days.items():
            try:
                day = read_day(cell)
            except ValueError:
                day = None
            taken = take_apart(title, day)
            shows[taken.parts[0]].append(taken)
        words = _Words(shows)
        judged: dict[str, NotAFilm | None] = dict.fromkeys(self._days)
        doubts: dict[str, str] = {}
        for beginning, titles in shows.items():
            _judge_show(beginning, titles, words, judged, doubts)
        return Verdicts(judged, doubts)


class _Words:
    """What a history calls its seasons and episodes."""

    def __init__(self, shows: Mapping[str, Sequence[Title]]) -> None:
        self._beneath: set[Form] = set()
        self._bracketed: Counter[Form] = Counter()
        self._counted: set[Form] = set()
        self._high: Counter[Form] = Counter()
        for titles in shows.values():
            numbers: dict[Form, set[int]] = defaultdict(set)
            for title in titles:
                if title.bracketed:
                    self._bracketed[title.bracketed.form] += 1
                if title.last and len(title.parts) == _SHOW_AND_EPISODE:
                    numbers[title.last.form].add(title.last.number)
                elif title.last and any(map(has_numeral, title.parts[1:-1])):
                    self._beneath.add(title.last.form)
            for form, found in numbers.items():
                if len(found) >= _FEW:
                    self._counted.add(form)
                if max(found) > _HIGH:
                    self._high[form] += len(found)

    def is_episode(self, numbered: Numbered) -> bool:
        """Whether a numbered last part is an episode's, whatever stands before it."""
        form, number = numbered
        if form.is_part:
            return number > (_LAST_CHAPTER if form in self._beneath else _HIGH)
        return (
            form.is_episode
            or form in self._beneath
            or form in self._counted
            or (number > _HIGH and self._high[form] > 1)
        )

    def is_bracketed_episode(self, numbered: Numbered) -> bool:
        """Whether what stands in brackets behind a title is an episode's number."""
        form = numbered.form
        return form.is_episode or (not form.is_part and self._bracketed[form] >= _FEW)


def _judge_show(
    beginning: str,
    titles: Sequence[Title],
    words: _Words,
    judged: dict[str, NotAFilm | None],
    doubts: dict[str, str],
) -> None:
    """Judge the titles of one beginning: a show's, a franchise's, or a film's."""
    silent = []
    for title in titles:
        why = EPISODE if _says_so(title, words) else _by_its_parts(title)
        judged[title.whole] = why
        if why is None and title.parts[1:]:
            silent.append(title)
    if len(silent) < _SHOW_AND_EPISODE:
        return
    if _counts_on(silent):
        judged |= dict.fromkeys((title.whole for title in silent), EPISODE)
        return
    plain = [title for title in silent if not title.is_sequel]
    days = Counter(title.day for title in plain if title.day)
    if _watched_as_a_show(len(plain), days):
        why = NotAFilm(
            Problem.TV_EPISODE,
            "",
            f"is taken for an episode, because {len(plain)} titles that begin with "
            f"{shown(beginning)} were watched {_within(days)}; add it by itself if it is a film",
        )
        judged |= dict.fromkeys((title.whole for title in plain), why)
    elif len(silent) >= _FEW or max(days.values(), default=0) > 1:
        doubts[silent[0].whole] = (
            f"{len(silent)} titles begin with {shown(beginning)} and are read as films; if they "
            "are episodes, remove them"
        )


def _says_so(title: Title, words: _Words) -> bool:
    """Whether a title has a word that stands for episodes, known or learned."""
    return (
        (title.bracketed is not None and words.is_bracketed_episode(title.bracketed))
        or (title.last is not None and words.is_episode(title.last))
        or is_episode_by_itself(title.whole)
    )


def _by_its_parts(title: Title) -> NotAFilm | None:
    """Judge a title by how its parts are made, in whatever language."""
    if any(map(has_numeral, title.parts[1:-1])) or any(
        part and following.startswith(part)
        for part, following in pairwise(map(str.casefold, title.parts))
    ):
        return EPISODE
    return _TWO_COLONS if title.parts[_SHOW_AND_EPISODE:] and not title.is_sequel else None


def _counts_on(titles: Sequence[Title]) -> bool:
    """Whether titles with one beginning are numbered higher than the parts of a film are."""
    numbers: dict[Form, set[int]] = defaultdict(set)
    for title in titles:
        if title.last:
            numbers[title.last.form].add(title.last.number)
    return any(len(found) > _FEW for found in numbers.values())


def _watched_as_a_show(titles: int, days: Mapping[date, int]) -> bool:
    """Whether so many titles with one beginning, so many on each day, are episodes.

    Measured on the histories that `benchmarks.netflix_histories` reads. The groups of which most
    were films: one title a day, but for five and more within a season; three titles, two of them
    on a day, that took more than two days; more than a season with two on a day.
    """
    if titles < _FEW:
        return False
    if not days:
        return titles >= _MANY
    most = max(days.values())
    span = (max(days) - min(days)).days
    if most >= _FEW or (most > 1 and titles >= _MANY):
        return True
    if titles == _FEW:
        return most > 1 and span < _FEW
    return span <= _SEASON_DAYS and (most > 1 or titles > _FEW + 1)


def _within(days: Mapping[date, int]) -> str:
    if not days:
        return "without dates"
    span = (max(days) - min(days)).days + 1
    return "on one day" if span == 1 else f"within {span:,} days"
