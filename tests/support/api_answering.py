"""Answers lookups for the tests of the API, as a daemon does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.lookups import Completion, Film
from enrich_service.storage.fleet import Heartbeat
from shared.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from enrich_service.storage import StorageService


class Daemon:
    """Answers lookups as a daemon does, with the outcomes that a test wants."""

    def __init__(self, storage: StorageService) -> None:
        self._storage = storage

    async def beat(self) -> None:
        """Be there, as far as the API can tell."""
        now = datetime.now(UTC)
        await self._storage.fleet.beat(
            Heartbeat(uuid4(), "host:1", now, now, 10.0, 0, draining=False)
        )

    async def claim(self, *keys: str) -> None:
        """Claim these lookups and keep them in flight."""
        claims = await self._storage.queue.claim(uuid4(), uuid4(), 100_000)
        assert set(keys) <= {claim.key for claim in claims}
        for claim in claims:
            if claim.key not in keys:
                await self._storage.queue.release(claim)

    async def answer(
        self,
        *,
        found: Mapping[str, int | Film] | None = None,
        not_found: Iterable[str] = (),
        failed: Iterable[str] = (),
        candidates: Iterable[dict[str, object]] = (),
        confidence: int = 100,
    ) -> None:
        """Claim what waits, end these lookups, and give the rest back.

        Args:
            found: TMDB ids, or whole films, by lookup key.
            not_found: lookup keys.
            failed: lookup keys.
            candidates: what each of `not_found` might have been.
            confidence: in each of `found`.
        """
        ends: dict[str, tuple[Outcome, int | Film | None]] = {
            **{key: (Outcome.FOUND, known) for key, known in (found or {}).items()},
            **dict.fromkeys(not_found, (Outcome.NOT_FOUND, None)),
            **dict.fromkeys(failed, (Outcome.FAILED, None)),
        }
        claims = await self._storage.queue.claim(uuid4(), uuid4(), 100_000)
        mine = [claim for claim in claims if claim.key in ends]
        assert {claim.key for claim in mine} == set(ends), "what is to be answered must be queued"
        saved = await self._storage.completions.save(
            [
                Completion(
                    claim=claim,
                    outcome=ends[claim.key][0],
                    reason=None if ends[claim.key][1] else f"because {ends[claim.key][0]}",
                    film=film(ends[claim.key][1]),
                    confidence=confidence if ends[claim.key][1] else None,
                    candidates=() if ends[claim.key][1] else tuple(candidates),
                )
                for claim in mine
            ]
        )
        assert not saved.held
        assert not saved.lost
        for claim in claims:
            if claim.key not in ends:
                await self._storage.queue.release(claim)


def film(known: int | Film | None) -> Film | None:
    """A catalogue row with this id, or as it is given."""
    if known is None or isinstance(known, Film):
        return known
    tmdb_id = known
    return Film(
        tmdb_id=tmdb_id,
        imdb_id=f"tt{tmdb_id:07}",
        title=f"Film {tmdb_id}",
        original_title=f"Film {tmdb_id}",
        release_date=None,
        genres=("Drama",),
        directors=({"id": 1, "name": "Somebody"},),
        top_cast=({"id": 2, "name": "Anybody", "character": "Nobody"},),
        runtime_minutes=90,
        countries=("US",),
        languages=("en",),
        overview="",
        poster_path="/poster.jpg",
        vote_average=None,
        vote_count=0,
        popularity=0.0,
    )
