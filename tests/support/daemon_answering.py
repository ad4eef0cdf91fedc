"""Answers TMDB's questions in the tests' way: a record of a film, and claims that end at once."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.lookups import Completion, Film
from shared.lookup_keys import parse_key
from shared.models import Outcome

if TYPE_CHECKING:
    from enrich_service.lookups import Claim
    from enrich_service.storage import StorageService


def film(tmdb_id: int = 603, title: str = "The Matrix") -> Film:
    """A record with something in every field that may hold something."""
    return Film(
        tmdb_id=tmdb_id,
        imdb_id="tt0133093",
        title=title,
        original_title=title,
        release_date=None,
        genres=("Action",),
        directors=({"id": 9340, "name": "Lana Wachowski"},),
        top_cast=({"id": 6384, "name": "Keanu Reeves", "character": "Neo"},),
        runtime_minutes=136,
        countries=("US",),
        languages=("en",),
        overview="A hacker learns what is real.",
        poster_path="/p.jpg",
        vote_average=Decimal("8.22"),
        vote_count=26_000,
        popularity=80.5,
    )


def found(claim: Claim, tmdb_id: int = 603) -> Completion:
    """The claim's film is this one."""
    return Completion(claim, Outcome.FOUND, "exact title", film=film(tmdb_id), confidence=100)


async def end_all(storage: StorageService, outcome: Outcome = Outcome.NOT_FOUND) -> None:
    """End everything that is due without a film."""
    claims = await storage.queue.claim(uuid4(), uuid4(), 100)
    await storage.completions.save([Completion(claim, outcome, "test") for claim in claims])


async def find_all(storage: StorageService) -> None:
    """Find everything that is due, which must be TMDB ids."""
    claims = await storage.queue.claim(uuid4(), uuid4(), 100)
    await storage.completions.save(
        [found(claim, int(parse_key(claim.key).subject)) for claim in claims]
    )
