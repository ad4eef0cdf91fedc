"""One film of an upload: everything its rows said of it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, TypeVar

from api_service.rules.lists.cells import split_tags
from api_service.rules.lists.model import Kind
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from api_service.rules.lists.model import Layout, Sighting
    from api_service.rules.lists.ratings import Rating

T = TypeVar("T")

_NEVER: Final = (0, date.min, -1)


class Film:
    """A distinct film, while the rows that mean it are gathered.

    `order` is the place of its first row in canonical order. The row that a rating or review was
    taken from is remembered as (does it overrule, date, order), so that the better one stays
    whichever comes first. Lists keep what came, repeated or not, and are None until something
    comes, because there may be 200,000 films. Until all rows are read a film may turn out to be
    the `same_as` another.
    """

    __slots__ = (
        "_lists",
        "_plays",
        "_rating_from",
        "_review",
        "_review_from",
        "_rewatches",
        "_tags",
        "_watch_dates",
        "addresses",
        "entry_address",
        "imdb_id",
        "in_watchlist",
        "key",
        "liked",
        "order",
        "rating",
        "same_as",
        "title",
        "tmdb_id",
        "watched",
        "year",
    )

    def __init__(self, sighting: Sighting, order: int) -> None:
        self.order = order
        self.title = sighting.title
        self.year = sighting.year
        self.key = sighting.key
        self.addresses: tuple[str, ...] = ()
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
        self._watch_dates: list[date] | None = None
        self._rewatches: list[str] | None = None
        self._tags: list[str] | None = None
        self._lists: list[str] | None = None

    @property
    def watch_dates(self) -> list[date]:
        """The days it was watched on, sorted."""
        return sorted(set(self._watch_dates)) if self._watch_dates else []

    @property
    def rewatches(self) -> int:
        """How often it was seen again: entries that say so, one in two files counting once.

        Where a list says how often it was seen in all, the first time does not count.
        """
        return max(len(set(self._rewatches)) if self._rewatches else 0, self._plays - 1)

    @property
    def tags(self) -> tuple[str, ...]:
        """The user's tags in order of first use."""
        if not self._tags:
            return ()
        if len(self._tags) == 1:
            return split_tags(self._tags[0])
        return tuple(dict.fromkeys(tag for cell in self._tags for tag in split_tags(cell)))

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists it is on."""
        return tuple(dict.fromkeys(self._lists)) if self._lists else ()

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
        self._mark(layout)
        if sighting.year != self.year or not self.title:
            self._name(sighting.title, sighting.year)
        if sighting.address and not self.entry_address and not layout.film_addresses:
            self.entry_address = sighting.address
        day = sighting.watch_date
        if day:
            self._watch_dates = _with(self._watch_dates, day)
        if sighting.rewatch:
            entry = sighting.address or (day.isoformat() if day else str(order))
            self._rewatches = _with(self._rewatches, entry)
        if sighting.plays:
            self._plays = max(self._plays, sighting.plays)
        if sighting.tags:
            self._tags = _with(self._tags, sighting.tags)
        if sighting.rating is not None:
            self.watched = True  # whoever rates a film has seen it, whatever list it stands in
        if sighting.rating is not None or sighting.review:
            self._judge(sighting, layout.kind, order)

    def _mark(self, layout: Layout) -> None:
        kind = layout.kind
        if kind.means_watched:
            self.watched = True
        elif kind is Kind.WATCHLIST:
            self.in_watchlist = True
        elif kind is Kind.LIKES:
            self.liked = True
        if layout.list_name:
            self._lists = _with(self._lists, layout.list_name)

    def _name(self, title: str, year: int | None) -> None:
        self.title = self.title or title
        self.year = self.year or year
        self.key = title_key(self.title, self.year) if self.title else ""

    def _judge(self, sighting: Sighting, kind: Kind, order: int) -> None:
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
        self._name(other.title, other.year)
        self.addresses += other.addresses
        self.entry_address = self.entry_address or other.entry_address
        self.tmdb_id = self.tmdb_id or other.tmdb_id
        self.imdb_id = self.imdb_id or other.imdb_id
        self.watched |= other.watched
        self.liked |= other.liked
        self.in_watchlist |= other.in_watchlist
        self._plays = max(self._plays, other._plays)
        self._watch_dates = [*(self._watch_dates or ()), *(other._watch_dates or ())]
        self._rewatches = [*(self._rewatches or ()), *(other._rewatches or ())]
        self._tags = [*(self._tags or ()), *(other._tags or ())]
        self._lists = [*(self._lists or ()), *(other._lists or ())]
        if other._rating_from > self._rating_from:
            self.rating, self._rating_from = other.rating, other._rating_from
        if other._review_from > self._review_from:
            self._review, self._review_from = other._review, other._review_from


def _with(items: list[T] | None, item: T) -> list[T]:
    if items is None:
        return [item]
    items.append(item)
    return items
