"""A distinct film, with everything that the rows of an upload say of it."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.layout import Kind
from api_service.lists.values.cells import split_tags
from api_service.lists.values.one_or_many import appended, as_sequence, extended
from api_service.lists.values.states import State
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from api_service.lists.layout import Layout
    from api_service.lists.model import Sighting, StoredFilm, UserMarks
    from api_service.lists.values.ratings import Rating

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

MOST_NAMES: Final = 20
"""Further names, and addresses, of a film that are remembered."""
_NEVER: Final = (0, date.min, -1)


class Film:
    """A distinct film, while the rows that mean it are gathered.

    `order` is the place of its first row in canonical order. The row that a rating or review was
    taken from is remembered as (does it overrule, date, order), so that the better one stays
    whichever comes first. What may be several is None until something comes, that itself while it
    is the only one, and then a list of what came, repeated or not, because there may be 200,000
    films. Until all rows are read a film may turn out to be the `same_as` another. `aliases` are
    further keys that it goes by, `own_ids` those of the services that its lists are from, and
    `stored` says what a session has of it already.
    """

    __slots__ = (
        *("_least_rewatches", "_lists", "_plays", "_rating_from", "_review", "_review_from"),
        *("_rewatches", "_tags", "_watch_dates", "addresses", "aliases", "entry_address"),
        *("has_namesake", "imdb_id", "in_watchlist", "key", "liked", "order", "own_ids"),
        *("rating", "same_as", "stored", "title", "tmdb_id", "watched", "year"),
    )

    def __init__(self, title: str, year: int | None, key: str, order: int) -> None:
        self.order = order
        self.title = title
        self.year = year
        self.key = key
        self.stored: StoredFilm | None = None
        self.addresses: tuple[str, ...] = ()
        self.aliases: tuple[str, ...] = ()
        self.own_ids: tuple[str, ...] = ()
        self.has_namesake = False
        self.entry_address = ""
        self.tmdb_id: int | None = None
        self.imdb_id: str | None = None
        self.watched = self.liked = self.in_watchlist = False
        self.rating: Rating | None = None
        self.same_as: Film | None = None
        self._rating_from = self._review_from = _NEVER
        # In UTF-8: one emoji makes a whole str four bytes a character.
        self._review: bytes | None = None
        self._plays = 0
        self._watch_dates: date | list[date] | None = None
        self._rewatches: str | list[str] | None = None
        self._least_rewatches = 0
        self._tags: str | list[str] | None = None
        self._lists: str | list[str] | None = None

    @property
    def watch_dates(self) -> list[date]:
        """The days it was watched on, sorted."""
        return sorted(set(as_sequence(self._watch_dates)))

    @property
    def rewatches(self) -> int:
        """How often it was rewatched: entries that say so, one in two files counting once.

        Where a list says how often it was seen in all, the first time does not count.
        """
        entries = len(set(as_sequence(self._rewatches)))
        return max(entries, self._plays - 1, self._least_rewatches)

    @property
    def tags(self) -> tuple[str, ...]:
        """The user's tags in order of first use."""
        cells = as_sequence(self._tags)
        if len(cells) == 1:
            return split_tags(cells[0])
        return tuple(dict.fromkeys(tag for cell in cells for tag in split_tags(cell)))

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists it is on."""
        return tuple(dict.fromkeys(as_sequence(self._lists)))

    @property
    def review(self) -> str | None:
        """The user's review of the latest watching."""
        return self._review.decode() if self._review else None

    @property
    def source_url(self) -> str | None:
        """The film's own address, else that of an entry."""
        return self.addresses[0] if self.addresses else self.entry_address or None

    def record(self, sighting: Sighting, layout: Layout, order: int) -> None:
        """Take in what one row says."""
        self.order = min(self.order, order)
        self._record_state(layout, sighting)
        if sighting.year != self.year or not self.title:
            self._complete_name(sighting.title, sighting.year)
        if sighting.address and not self.entry_address and not layout.film_addresses:
            self.entry_address = sighting.address
        state = sighting.state
        # What is planned or was dropped has a day and a rating at most, and was not seen for that.
        if state is None or state is State.SEEN:
            self._record_viewing(sighting, layout, order)
        if sighting.tags:
            self._tags = appended(self._tags, interned(sighting.tags))
        if sighting.rating is not None or sighting.review:
            self._take_opinion(sighting, layout.kind, order)

    def _record_viewing(self, sighting: Sighting, layout: Layout, order: int) -> None:
        day = sighting.watch_date
        if day:
            self._watch_dates = appended(self._watch_dates, day)
            if sighting.more_days:
                self._watch_dates = extended(self._watch_dates, sighting.more_days)
        if sighting.rewatch:
            own = "" if layout.film_addresses else sighting.address
            entry = own or (_iso_format(day) if day else str(order))
            self._rewatches = appended(self._rewatches, entry)
        if sighting.plays:
            self._plays = max(self._plays, sighting.plays)
        if sighting.rating is not None and layout.rating_means_seen:
            self.watched = True  # whatever list it stands in

    def _record_state(self, layout: Layout, sighting: Sighting) -> None:
        kind, state = layout.kind, sighting.state
        if state is State.SEEN:
            self.watched = True
        elif state is State.PLANNED or (state is State.UNSEEN and kind is Kind.WATCHLIST):
            self.in_watchlist = True
        elif state is not None:
            pass
        elif kind.means_watched:
            self.watched = True
        elif kind is Kind.WATCHLIST:
            self.in_watchlist = True
        if kind is Kind.LIKES or sighting.liked:
            self.liked = True
        if sighting.planned:
            self.in_watchlist = True
        if layout.list_name:
            self._lists = appended(self._lists, layout.list_name)
        if sighting.lists:
            self._lists = extended(self._lists, [*map(interned, sighting.lists)])

    def _complete_name(self, title: str, year: int | None) -> None:
        self.rename(self.title or title, self.year or year)

    def rename(self, title: str, year: int | None) -> None:
        """Give it another title and year; it goes by the former ones too."""
        key = title_key(title, year) if title else ""
        if key != self.key:
            self.add_aliases(self.key)
        self.title, self.year, self.key = title, year, key

    def add_aliases(self, *keys: str) -> None:
        """Add further lookup keys."""
        room = MOST_NAMES - len(self.aliases)
        self.aliases += tuple(key for key in keys if key and key not in self.aliases)[:room]

    def _take_opinion(self, sighting: Sighting, kind: Kind, order: int) -> None:
        day = sighting.watch_date or sighting.written or date.min
        rank = (int(kind is Kind.RATINGS), day, order)
        if sighting.rating is not None and rank > self._rating_from:
            self.rating, self._rating_from = sighting.rating, rank
        review = sighting.review.strip()
        if review and rank > self._review_from:
            text = review.replace("\r\n", "\n").replace("\r", "\n")
            self._review, self._review_from = text.encode(), rank

    def absorb(self, other: Film) -> None:
        """Take in another film that turned out to be this one."""
        other.same_as = self
        self.order = min(self.order, other.order)
        self.add_aliases(*other.aliases, other.key)
        self._complete_name(other.title, other.year)
        self.addresses = (self.addresses + other.addresses)[:MOST_NAMES]
        self.own_ids = (self.own_ids + other.own_ids)[:MOST_NAMES]
        self.entry_address = self.entry_address or other.entry_address
        self.tmdb_id = self.tmdb_id or other.tmdb_id
        self.imdb_id = self.imdb_id or other.imdb_id
        self.watched |= other.watched
        self.liked |= other.liked
        self.in_watchlist |= other.in_watchlist
        self._plays = max(self._plays, other._plays)
        self._watch_dates = extended(self._watch_dates, as_sequence(other._watch_dates))
        self._rewatches = extended(self._rewatches, as_sequence(other._rewatches))
        self._least_rewatches = max(self._least_rewatches, other._least_rewatches)
        self._tags = extended(self._tags, as_sequence(other._tags))
        self._lists = extended(self._lists, as_sequence(other._lists))
        if other._rating_from > self._rating_from:
            self.rating, self._rating_from = other.rating, other._rating_from
        if other._review_from > self._review_from:
            self._review, self._review_from = other._review, other._review_from

    def add_marks(self, marks: UserMarks) -> None:
        """Take in what is said of it as a whole, and not by rows of a diary, a list and so on."""
        self.watched |= marks.watched
        self.liked |= marks.liked
        self.in_watchlist |= marks.in_watchlist
        self._watch_dates = extended(self._watch_dates, marks.watch_dates)
        self._lists = extended(self._lists, marks.lists)
        self._tags = extended(self._tags, marks.tags)
        self._least_rewatches = max(self._least_rewatches, marks.rewatches)

    def set_rating_and_review(self, rating: Rating | None, review: str | None) -> None:
        """Replace what is given, as if its row had always said so.

        A rating of as many stars is the same, and stays as it was given first: 9/10, say.
        """
        if rating is not None and (self.rating is None or self.rating.stars != rating.stars):
            self.rating = rating
        if review:
            self._review = review.encode()

    def origins(self) -> str:
        """Return what only later merging has to know of this film, as JSON; "" for most."""
        own = bool(self.addresses)
        rated = self._rating_from[:2] if self.rating is not None else _NEVER[:2]
        further: dict[str, Any] = {}
        if len(self.addresses) > 1:
            further["addresses"] = self.addresses[1:]
        if own and self.entry_address:
            further["entry"] = self.entry_address
        if self.tmdb_id:
            further["tmdb_id"] = self.tmdb_id
        if self.imdb_id:
            further["imdb_id"] = self.imdb_id
        if self.aliases and (names := [key for key in self.aliases if key != self.key]):
            further["names"] = names
        if self.own_ids:
            further["own_ids"] = self.own_ids
        if self._rewatches:
            further["rewatched"] = sorted(set(as_sequence(self._rewatches)))
        if self._review and self._review_from[:2] > _NEVER[:2]:
            further["reviewed"] = [self._review_from[0], self._review_from[1].isoformat()]
        usual = _usual_origins(own, rated)  # a few strings for all films of most lists
        return _json(json.loads(usual or "{}") | further) if further else usual

    def restore(self, origins: dict[str, Any], source_url: str | None) -> None:
        """Restore what `origins` returned."""
        address = source_url or ""
        if origins.get("own"):
            self.addresses = (address, *origins.get("addresses", ()))
            self.entry_address = origins.get("entry", "")
        else:
            self.entry_address = address
        self.tmdb_id, self.imdb_id = origins.get("tmdb_id"), origins.get("imdb_id")
        self.aliases = tuple(origins.get("names", ()))
        self.own_ids = tuple(origins.get("own_ids", ()))
        self._rewatches = extended(None, [*map(interned, origins.get("rewatched", ()))])
        if rated := origins.get("rated"):
            self._rating_from = _restored(*rated)
        if reviewed := origins.get("reviewed"):
            self._review_from = _restored(*reviewed)


@lru_cache(maxsize=4_096)
def _usual_origins(own: bool, rated: tuple[int, date]) -> str:  # noqa: FBT001  # it is told as it is
    """Return whether the source address is the film's own, and what its rating is from."""
    found: dict[str, Any] = {"own": True} if own else {}
    if rated > _NEVER[:2]:
        found["rated"] = [rated[0], rated[1].isoformat()]
    return _json(found) if found else ""


@lru_cache(maxsize=4_096)
def _restored(overrules: int, day: str) -> tuple[int, date, int]:
    """Return where a rating or review of a session is from, which is before all rows."""
    return (overrules, date.fromisoformat(day), -1)


@lru_cache(maxsize=16_384)
def _iso_format(day: date) -> str:
    """Return one text for all films of a day."""
    return day.isoformat()


@lru_cache(maxsize=4_096)
def interned(cell: str) -> str:
    """Return one text for all films with the same cell: tags repeat."""
    return cell
