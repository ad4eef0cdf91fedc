"""Once a common film was fetched whole, the questions that mean it are answered in advance.

So a list of common films is complete at upload: its lookups are there already, with their outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from enrich_service.matching.known_films import can_be_key
from enrich_service.storage.warm_up import Answer
from shared.lookup_keys import imdb_key, title_key

if TYPE_CHECKING:
    from enrich_service.storage.warm_up import WarmUpStorage
    from enrich_service.title_index.index import TitleIndex

CERTAIN = 100


async def answer_ahead(storage: WarmUpStorage, index: TitleIndex, tmdb_id: int) -> None:
    """Answer a film's IMDb id, and its titles where the index is certain that they mean it."""
    record = await storage.record(tmdb_id)
    if record is None:
        return
    answers = []
    if record.imdb_id:
        answers.append(Answer(imdb_key(record.imdb_id), None, "imdb id", CERTAIN))
    if record.year is not None:
        for title in dict.fromkeys((record.title, record.original_title)):
            match = await index.known(title, record.year)
            if match and match.tmdb_id == tmdb_id:
                key = title_key(title, record.year)
                answers.append(Answer(key, title, match.reason, match.confidence))
    distinct = {answer.key: answer for answer in answers if can_be_key(answer.key)}
    await storage.answer(tmdb_id, distinct.values())
