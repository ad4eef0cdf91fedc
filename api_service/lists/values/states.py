"""What lists say of a film's state: seen, planned, in progress, dropped, in words and in marks.

A word that is not known says nothing sure: a date or a rating beside it decides, and it is noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from api_service.lists.values.dates import looks_like_date

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """What a row states of its film."""

    SEEN = "seen"
    PLANNED = "planned"
    STARTED = "in progress"
    DROPPED = "dropped"
    UNSEEN = "not seen"
    """Said so, and nothing more."""
    LIKED = "liked"
    """Says nothing of having seen it."""
    REMOVED = "removed"
    """No longer one of the user's films."""


_WORDS: Final = {
    State.SEEN: (
        "watched, seen, completed, complete, finished, done, viewed, watch, rewatched, rewatching, "
        "rewatch, repeating, history, watchedlist, watchedmovies, seenmovies, played, caught up, "
        "already watched, have watched, gesehen, geschaut, fertig, vu, vue, vus, déjà vu, terminé, "
        "visto, vista, vistas, vistos, visti, viste, assistido, assistidos, terminado, completado, "
        "completato, concluído, gezien, bekeken, obejrzane, obejrzany, widziane, viděno, "
        "zhlédnuto, videné, sett, set, nähty, katsottu, izlendi, látott, megnézve, "
        "просмотрено, просмотрен, смотрел, посмотрел, переглянуто, "
        "看过, 已看, 観た, 視聴済み, 視聴済, 鑑賞済み, 봤어요"
    ),
    State.PLANNED: (
        "watchlist, to watch, towatch, want to watch, want to see, wants to watch, plan to watch, "
        "plans to watch, planned, planning, plan, will watch, wish, wishlist, wish list, wanted, "
        "want, queue, queued, backlog, todo, next, next up, up next, watch later, save for later, "
        "saved, bookmarked, interested, my list, mylist, must see, must watch, watchlisted, "
        "geplant, merkliste, will ich sehen, möchte ich sehen, noch sehen, zu sehen, anschauen, "
        "à voir, envie, envies, pendiente, pendientes, por ver, quiero ver, para ver, planeado, "
        "quero assistir, quero ver, para assistir, da vedere, te bekijken, wil ik zien, "
        "do obejrzenia, do zobaczenia, chcę zobaczyć, chcę obejrzeć, chci vidět, k vidění, "
        "vill se, att se, izlenecek, megnézendő, planejado, planificado, planland\u0131, "
        "izlemek istiyorum, suunniteltu, planerad, planerat, planlagt, in programma, w planach, "
        "zaplanowane, v plánu, tervezett, в планах, планирую, 計画, 計画中, 计划, 待看, 見たい, "
        "예정, "
        "хочу посмотреть, буду смотреть, запланировано, хочу подивитись, 想看, 観たい, 보고싶어요"
    ),
    State.STARTED: (
        "watching, currently watching, in progress, inprogress, started, current, currently, "
        "continuing, paused, on hold, onhold, hold, unfinished, partially watched, partial, "
        "begonnen, angefangen, en cours, viendo, en curso, assistindo, guardando, in corso, bezig, "
        "oglądam, sleduji, смотрю, 在看, 視聴中"
    ),
    State.DROPPED: (
        "dropped, drop, abandoned, gave up, given up, stopped, did not finish, dnf, "
        "not interested, skipped, skip, ignored, hidden, not for me, abgebrochen, abandonné, "
        "abandonada, abandonado, abbandonato, gestopt, porzucone, брошено, бросил, 抛弃"
    ),
    State.UNSEEN: (
        "unwatched, not watched, unseen, not seen, notwatched, not yet, not started, "
        "not started yet, unviewed, not yet watched, never watched, nicht gesehen, ungesehen, "
        "non vu, pas vu, no vista, no visto, não visto, non visto, niet gezien, nieobejrzane, "
        "neviděno, не смотрел"
    ),
    State.LIKED: (
        "favorites, favourites, favorite, favourite, favorite movies, favourite movies, "
        "favorite films, favourite films, likes, liked, loved, hearts, lieblingsfilme, favoriten, "
        "favoris, coups de cœur, favoritos, favoritas, preferiti, favorieten, ulubione, oblíbené, "
        "favoriter, избранное, любимые"
    ),
    State.REMOVED: "removed, deleted",
}
_OF_THE_FILM: Final = frozenset(
    {
        *("released", "rumored", "rumoured", "postproduction", "inproduction", "announced"),
        *("ended", "returningseries", "canceled", "cancelled", "available", "movie", "film"),
    }
)
"""What becomes of the film itself, and not between the film and the user."""

_YES: Final = frozenset(
    {
        *("yes", "true", "y", "t", "x", "xx", "ok", "ja", "oui", "sí", "si", "sim", "sì", "tak"),
        *("ano", "igen", "kyllä", "evet", "да", "так", "是", "はい"),
    }
)
_NO: Final = frozenset(
    {
        *("no", "false", "n", "f", "nein", "non", "não", "nao", "nee", "nie", "ne", "nem", "ei"),
        *("hayır", "нет", "ні", "否", "いいえ", "nej", "nei"),  # noqa: RUF001  # Turkish
    }
)
NOTHING: Final = frozenset({"null", "none", "nil", "nan", "n/a", "na", "undefined", "\\n", "-"})
"""How programs and people write that a cell is blank."""
_TICKS: Final = frozenset("✓✔✅☑🗸●⬤")
_CROSSES: Final = frozenset("✗✘❌☐⬜○◯-–—")  # noqa: RUF001  # as people write them


def fold_word(cell: str) -> str:
    """A cell with case, spaces and signs taken away."""
    return "".join(filter(str.isalnum, cell[:200].casefold()))


_KNOWN: Final = {
    fold_word(word): state for state, words in _WORDS.items() for word in words.split(", ")
}


_FIRST: Final = re.compile(r" ?[(\[,;:/|]| [-\u2013\u2014] ")
"""What comes between a known word and what is said of it: `Planned (2025)`."""
_PIECES: Final = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")
_OPEN: Final = frozenset(
    (
        *("to", "not", "never", "yet", "unseen", "unwatched", "wanna", "later", "soon", "someday"),
        *("upcoming", "unreleased", "tbw", "half", "new", "haven", "hasn", "didn"),
        *("noch", "nicht", "will", "à", "envie", "por", "ver", "не", "буду", "хочу", "планах"),
    )
)
"""Words of what is still to come, in a state that is not known as a whole."""
_NOT_DONE: Final = frozenset({State.PLANNED, State.UNSEEN, State.STARTED, State.DROPPED})


def is_open(word: str) -> bool:
    """Whether words that are not known speak of what is not done: no date makes that seen."""
    pieces = [piece.casefold() for piece in _PIECES.findall(word)]
    return any(piece in _OPEN or _KNOWN.get(piece) in _NOT_DONE for piece in pieces)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A word that nobody here knows."""

    word: str


@lru_cache(maxsize=1_024)
def read_state(cell: str) -> State | Unknown | None:
    """What a word states; None for what says nothing of the user."""
    word = fold_word(cell)
    if word in _KNOWN:
        return _KNOWN[word]
    if not word or word in _OF_THE_FILM:
        sign = _of_sign(cell)
        return sign or (Unknown(cell.strip()) if cell.strip() and not word else None)
    first = fold_word(_FIRST.split(cell, maxsplit=1)[0])
    if first in _KNOWN:
        return _KNOWN[first]
    return Unknown(" ".join(cell.split()))


def _of_sign(cell: str) -> State | None:
    if not _TICKS.isdisjoint(cell):
        return State.SEEN
    text = cell.strip()
    return State.UNSEEN if text and set(text) <= _CROSSES else None


@lru_cache(maxsize=1_024)
def read_flag(cell: str) -> bool | None:
    """Whether a cell says yes or no, in a word, a sign or a number; None for anything else."""
    word = fold_word(cell)
    if word in _YES:
        return True
    if word in _NO:
        return False
    text = cell.strip()
    try:
        return float(text) > 0
    except ValueError:
        pass
    if text and not word:
        sign = _of_sign(text)
        return None if sign is None else sign is State.SEEN
    return None


@lru_cache(maxsize=1_024)
def read_seen(cell: str) -> State | Unknown | None:
    """What stands in a column that tells whether a film was seen: a flag, a number, days."""
    cell = cell.partition("\n")[0]
    flag = read_flag(cell)
    if flag is not None:
        return State.SEEN if flag else State.UNSEEN
    return State.SEEN if looks_like_date(cell) else read_state(cell)


@lru_cache(maxsize=1_024)
def read_planned(cell: str) -> State | Unknown | None:
    """What stands in a column that tells whether a film is on the watchlist."""
    flag = read_flag(cell)
    if flag is not None:
        return State.PLANNED if flag else None
    said = State.PLANNED if looks_like_date(cell) else read_state(cell)
    return State.PLANNED if isinstance(said, Unknown) else said  # `high priority`


class Test(StrEnum):
    """What a rule asks of a cell; a cell of several lines needs one that is so."""

    YES = "yes"
    """It says yes, or is a number over 0."""
    NO = "no"
    FILLED = "filled"
    BLANK = "blank"
    DONE = "done"
    """It is a percentage of 95 or more, or says yes."""


@dataclass(frozen=True, slots=True)
class When:
    """A rule of a format: what a row states where a column is so.

    Attributes:
        column: its name, a path where it is a member of a member.
        test: what is asked of the cell, or the words of which it is one.
        state: what that states; None for nothing, without a look at further rules.
    """

    column: str
    test: Test | frozenset[str]
    state: State | None


_DONE: Final = 95


def holds(cell: str, test: Test | frozenset[str]) -> bool:
    """Whether a cell is as a rule asks."""
    if test is Test.FILLED or test is Test.BLANK:
        return bool(cell.strip()) is (test is Test.FILLED)
    parts = cell.split("\n")
    if isinstance(test, frozenset):
        return any(fold_word(part) in test for part in parts)
    if test is Test.NO:
        return any(read_flag(part) is False for part in parts)
    if test is Test.DONE:
        return any(map(_is_done, parts))
    return any(read_flag(part) for part in parts)


def _is_done(cell: str) -> bool:
    try:
        return float(cell.strip().rstrip("%")) >= _DONE
    except ValueError:
        return read_flag(cell) is True


def with_words(words: Mapping[str, State | None]) -> Mapping[str, State | None]:
    """Words of a format's own, folded as cells are."""
    return {fold_word(word): state for word, state in words.items()}
