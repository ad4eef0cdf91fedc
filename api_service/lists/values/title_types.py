"""What a type cell says: a film, or a series, an episode, a game, a podcast that is set aside.

The words are those of IMDb's three generations of exports (`Feature Film`, `Mini-Series` until
2017; `movie`, `tvMiniSeries` from 2018, the same as in its data sets at
https://developer.imdb.com/non-commercial-datasets/; `Movie`, `TV Mini Series` from 2024), of
Trakt (`movie`, `show`, `season`, `episode`, `person`), of TMDB (`movie`, `tv`) and of Netflix
(`TRAILER`, `HOOK`), and of trackers that keep books, games and music beside films. Case, spaces and
hyphens do not count. An account in another language exports translated words (`Serie TV`), of which
the beginnings are known; any other word is taken for a film's, because TMDB will tell.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from api_service.lists.model import NotAFilm, Problem

SERIES: Final = NotAFilm(Problem.TV_SERIES, "a television series")
EPISODE: Final = NotAFilm(Problem.TV_EPISODE, "an episode of a series")
_GAME: Final = NotAFilm(Problem.GAME, "a video game")
_PODCAST: Final = NotAFilm(Problem.PODCAST, "a podcast")
_OTHER: Final = NotAFilm(Problem.OTHER_TYPE, "a person or a list")

_BOOK: Final = NotAFilm(Problem.BOOK, "a book or a comic")
_MUSIC: Final = NotAFilm(Problem.MUSIC, "music")
_EXTRA: Final = NotAFilm(Problem.OTHER_TYPE, "a trailer or the like")

_WORDS: Final = {
    **dict.fromkeys(("show", "shows", "tv", "tvshow", "tvshows", "season", "tvpilot"), SERIES),
    **dict.fromkeys(
        ("anime", "ona", "ova", "special", "miniseries", "kdrama"),
        SERIES,
    ),
    **dict.fromkeys(("person", "people", "list", "user"), _OTHER),
    **dict.fromkeys(("book", "books", "ebook", "audiobook", "manga", "comic", "comics"), _BOOK),
    **dict.fromkeys(("novel", "lightnovel", "manhwa", "manhua", "buch", "livre", "libro"), _BOOK),
    **dict.fromkeys(("hörbuch", "livreaudio", "audiolibro", "graphicnovel", "webtoon"), _BOOK),
    **dict.fromkeys(("spiel", "jeu", "juego", "gioco"), _GAME),
    **dict.fromkeys(("boardgame", "visualnovel", "videogame", "game", "games"), _GAME),
    **dict.fromkeys(("music", "album", "song", "track", "artist"), _MUSIC),
}
# "Episode" before "series": a podcast's or a series' episode is both.
_PARTS: Final = (
    *(("podcast", _PODCAST), ("episod", EPISODE), ("épisod", EPISODE), ("folge", EPISODE)),
    *(("series", SERIES), ("serie", SERIES), ("série", SERIES), ("game", _GAME)),
    *(
        ("audiobook", _BOOK),
        ("boardgame", _GAME),
        ("manga", _BOOK),
        ("comic", _BOOK),
        ("сериал", SERIES),
    ),
    *(
        ("trailer", _EXTRA),
        ("hook", _EXTRA),
        ("promo", _EXTRA),
        ("bonus", _EXTRA),
        ("recap", _EXTRA),
    ),
    *(("videospiel", _GAME), ("videogioco", _GAME), ("videojuego", _GAME), ("jeuvidéo", _GAME)),
)


@lru_cache(maxsize=1_024)
def not_a_film(cell: str) -> NotAFilm | None:
    """Why a row of this type is set aside; None for films, short ones and videos too."""
    word = "".join(filter(str.isalnum, cell.casefold()))
    found = _WORDS.get(word)
    if found:
        return found
    return next((why for part, why in _PARTS if part in word), None)
