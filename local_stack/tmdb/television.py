"""A few television titles, so that the stand-in can answer that a title is not a film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Show:
    """A television title, with the data of `search/tv` and `find`."""

    id: int
    imdb_id: str
    name: str
    first_air_date: str
    genre_ids: tuple[int, ...]
    country: str
    language: str
    original_name: str
    vote_count: int
    vote_average: float
    overview: str

    @property
    def year(self) -> int:
        """The year of the first broadcast."""
        return int(self.first_air_date[:4])

    @property
    def popularity(self) -> float:
        """The popularity, derived from the votes as for films."""
        return round(1 + self.vote_count / 40, 3)


_DRAMA, _CRIME, _FANTASY, _DOCUMENTARY, _ANIMATION = 18, 80, 10765, 99, 16

SHOWS: Final = (
    Show(
        1396,
        "tt0903747",
        "Breaking Bad",
        "2008-01-20",
        (_DRAMA, _CRIME),
        "US",
        "en",
        "Breaking Bad",
        14000,
        8.9,
        "A chemistry teacher with little time left goes into a dangerous business.",
    ),
    Show(
        1399,
        "tt0944947",
        "Game of Thrones",
        "2011-04-17",
        (_FANTASY, _DRAMA),
        "US",
        "en",
        "Game of Thrones",
        24000,
        8.4,
        "Great houses fight for one throne while winter comes.",
    ),
    Show(
        42009,
        "tt2085059",
        "Black Mirror",
        "2011-12-04",
        (_FANTASY, _DRAMA),
        "GB",
        "en",
        "Black Mirror",
        5300,
        8.3,
        "Separate stories of what new machines may do to us.",
    ),
    Show(
        87108,
        "tt7366338",
        "Chernobyl",
        "2019-05-06",
        (_DRAMA,),
        "US",
        "en",
        "Chernobyl",
        6500,
        8.7,
        "The hours, days and years after a reactor exploded.",
    ),
    Show(
        4613,
        "tt0185906",
        "Band of Brothers",
        "2001-09-09",
        (_DRAMA, 10768),
        "US",
        "en",
        "Band of Brothers",
        3700,
        8.5,
        "One company of paratroopers from training to the end of the war.",
    ),
    Show(
        60622,
        "tt2802850",
        "Fargo",
        "2014-04-15",
        (_CRIME, _DRAMA),
        "US",
        "en",
        "Fargo",
        2700,
        8.3,
        "Crimes in the snow, one tale a season.",
    ),
    Show(
        61617,
        "tt3718778",
        "Over the Garden Wall",
        "2014-11-03",
        (_ANIMATION, _FANTASY),
        "US",
        "en",
        "Over the Garden Wall",
        900,
        8.5,
        "Two brothers lost in a wood look for the way home.",
    ),
    Show(
        42699,
        "tt0092337",
        "Dekalog",
        "1989-12-10",
        (_DRAMA,),
        "PL",
        "pl",
        "Dekalog",
        240,
        8.1,
        "Ten stories from one housing estate, each touching a commandment.",
    ),
    Show(
        68595,
        "tt5491994",
        "Planet Earth II",
        "2016-11-06",
        (_DOCUMENTARY,),
        "GB",
        "en",
        "Planet Earth II",
        1700,
        8.7,
        "Animals of islands, mountains, deserts and cities.",
    ),
    Show(
        93405,
        "tt10919420",
        "Squid Game",
        "2021-09-17",
        (_DRAMA,),
        "KR",
        "ko",
        "오징어 게임",
        14000,
        7.8,
        "People in debt play children's games for their lives.",
    ),
)
