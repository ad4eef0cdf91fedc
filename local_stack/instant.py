"""Instant answers: complete all queued lookups from the stand-in's films, without requests.

A session of ten thousand found films would cost a daemon many minutes of budget; here it takes
seconds. Do not run a daemon at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.lookups import Completion
from enrich_service.matching.lookup_resolver import film_of
from enrich_service.storage import StorageService
from enrich_service.tmdb.models import MovieDetails
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.payloads import details_of
from shared.lookup_keys import title_key
from shared.models import Outcome
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from enrich_service.lookups import Claim
    from local_stack.tmdb.film import Film

BATCH = 500


async def answer_at_once(dsn: str, films: Sequence[Film]) -> None:
    """Complete every queued lookup: as found if one of these films has its title and year.

    Args:
        dsn: the database.
        films: with unique titles and years.
    """
    by_key = {title_key(film.title, film.year): film for film in films}
    catalogue = Catalogue(films)
    settings = Settings(_env_file=None, database_url=dsn)
    async with Database(settings, application_name="instant") as database:
        storage = StorageService(database)
        while claims := await storage.queue.claim(uuid4(), uuid4(), BATCH):
            await storage.completions.save(
                [_ended(claim, by_key.get(claim.key), catalogue) for claim in claims]
            )


def _ended(claim: Claim, film: Film | None, catalogue: Catalogue) -> Completion:
    if film is None:
        return Completion(claim, Outcome.NOT_FOUND, "no_candidates")
    details = MovieDetails.model_validate_json(details_of(film, catalogue, ["credits"]))
    return Completion(
        claim, Outcome.FOUND, "exact title, same year", film=film_of(details), confidence=100
    )
