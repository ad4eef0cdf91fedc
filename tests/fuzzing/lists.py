"""Broken and hostile lists without end, the same for the same seed: reading holds for each.

    python -m tests.fuzzing.lists --cases 1000000 --seed 7
    python -m tests.fuzzing.lists --seed 7 --only 4711

Each case is an upload, read by `read_lists` in this process. It comes to films or to a refusal,
within the memory that is allowed, and takes no more calls than its bytes warrant; with `--seconds`
no longer than that instead, since counting calls doubles the time of each case.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import random
import resource
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.files import json_items, json_stream, markup_text, xml_stream
from api_service.lists.model import (
    ListRefused,
    ListTooCostly,
    SessionFilms,
    UploadedFile,
)
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE, read_lists
from benchmarks.hostile_lists import FAMILIES
from benchmarks.list_forms import FORMS
from benchmarks.markup_forms import MARKUP_FORMS
from tests.fuzzing import markup as markup_fuzzing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType

    from benchmarks.hostile_lists import Files

MOST_MEMORY: Final = 200 << 20
"""Bytes of address space above those at the beginning."""
CALLS_AT_LEAST, CALLS_PER_BYTE = 300_000, 100
"""What a case may take, in calls of Python and of C functions. A few bytes of a workbook or a web
page may stand for a header of a thousand columns, which each format looks through."""
MOST_BYTES: Final = 1_000_000

_TINY: Final[dict[ModuleType, dict[str, int]]] = {
    json_stream: {"MAX_VALUE": 120, "_AHEAD": 184, "_STEP": 31},
    json_items: {"MAX_VALUE": 120},
    xml_stream: {"_STEP": 31, "_FIRST_STEP": 31},
    markup_text: {"_CHUNK": 31},
}
_USUAL: Final = {
    module: {name: getattr(module, name) for name in steps} for module, steps in _TINY.items()
}
_NAMES: Final = (
    *("", "list.csv", "watched.csv", "diary.csv", "ratings.csv", "likes/films.csv", "lists/a.csv"),
    *("watchlist.csv", "movies.csv", "links.csv", "x.json", "watched-movies.json", "a.jsonl"),
    *("titles.txt", "ViewingHistory.csv", "../../etc/passwd", "a\0b.csv", "x" * 300 + ".csv"),
    *("all.xml", "rss.xml", "Heat.nfo", "films.xlsx", "kinopoisk.xls", "page.html", "x.xlsm"),
    *("watchlist-export.zip", "readme.txt", "profile.csv", "deleted/diary.csv", "é😀.csv"),
)
_COLUMNS: Final = (
    *(
        "Title",
        "Name",
        "Film",
        "Year",
        "Release Date",
        "Letterboxd URI",
        "URL",
        "Rating",
        "Rating10",
    ),
    *(
        "Rewatch",
        "Tags",
        "Review",
        "Watched Date",
        "Date",
        "Watched",
        "TMDB ID",
        "IMDb ID",
        "tmdbID",
    ),
    *("Const", "Your Rating", "Title Type", "Position", "Created", "movieId", "userId", "tag"),
    *("trakt_id", "watched_at", "rated_at", "type", "plays", "Session", "Watch Dates", "Lists"),
    *("Status", "Watchlist", "Seen", "lot", "source", "identifier", "entity_type", "movie_name"),
    *("Description", "Start Time", "sep=;", "", "TITLE ", "título", "Rating Original", "imdbId"),
)
_CELLS: Final = (
    *("Heat", "Heat (1995)", "1995", "4.5", "10", "9/10", "2020-02-30", "2020-02-29", "13/2/2020"),
    *("2/13/2020", "tt0113277", "949", "https://boxd.it/x", "https://a.example/ä", "Yes", "no"),
    *("NULL", "\\.", "\\N", "{}", "99999999999", "-1", "1e999", "NaN", "", " ", "\x85", '"a""b"'),
    *("a\u0301\u0323" * 30, "x" * 501, "x" * 2_000, "Show: Season 1: Pilot", "'=1+1", "=cmd()"),
    *("a,b;c\td", "\u202e", "\ud7ff\ue000", "😀", "ﷺ" * 40, "The Matrix, The (a.k.a. X) (1999)"),
    *(
        "plantowatch",
        "dropped",
        "★★★½",
        "85%",
        "9 March 2024",
        "1710018600",
        "towatch",
        "Watchlist",
    ),
    *("2020-01-01,2020-01-02", "movie", "tvSeries", "0", "1", "603.0", "Sat Apr 23 08:36:35 2011"),
)
_MEMBERS: Final = (
    *("title", "name", "year", "ids", "movie", "film", "show", "episode", "tmdb", "imdb", "rating"),
    *("type", "movies", "films", "shows", "item", "watched_at", "plays", "tags", "review", "a", ""),
    *("status", "state", "seen_history", "ended_on", "collections", "lot", "source", "identifier"),
    *("lists", "items", "userData", "played", "watchlist", "uuid", "onWatchlist", "privacy"),
    *("Title!", "tmdb_id", "imdb_id", "watched", "letterboxd_uri", "externalids", "x" * 201),
)
_ODD: Final = (
    *(b'"', b"\n", b"\r\n", b"\r", b",", b";", b"\t", b"\0", b"\xff", b"\xc3", b"[", b"]", b"{"),
    *(b"}", b"tt", b"\x85", b"\xef\xbb\xbf", b"9" * 40, b'""', b"\x1a", b"\xed\xa0\x80", b"\\u"),
    *("é".encode(), b"1e999", b"-", b":", b"{},", b"[[[[", b"\n" * 50, b",,,,", b" " * 50, b"PK"),
    *(b"\\ud800", b"null", b"true", b'{"title":"Heat"}', b"\xff\xfe", b"\xe2\x80\xa8", b"'"),
)
_SESSION: Final[list[list[Any]]] = [
    [
        *(n, f"title:film {n}|", None, None, f"Film {n}", None, True, None),
        *([], 0, False, [], None, False, [], None, None),
    ]
    for n in range(1, 4)
]


@dataclass(slots=True)
class Fuzzing:
    """Makes the cases of a seed, and reads them in one folder.

    Attributes:
        seed: which cases these are.
        folder: to write in.
        count_calls: whether each case's calls are counted and bounded.
        outcomes: how often each came.
        slowest: processor seconds of the slowest case, and its number.
        most_calls: calls a byte of the costliest case that has more than the least, and its number.
    """

    seed: int
    folder: Path
    count_calls: bool = True
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    most_calls: tuple[float, int] = (0.0, -1)
    _samples: list[Files] = field(default_factory=list)

    def __post_init__(self) -> None:
        for form in (*FORMS, *MARKUP_FORMS):
            files = form.write(self.folder, 3)
            self._samples.append({file.name: file.path.read_bytes() for file in files})

    def files(self, number: int) -> Files:
        """The upload of one case."""
        chance = random.Random(f"{self.seed}/{number}")  # noqa: S311  # repeatable, not secret
        return _case(chance, self._samples)

    def run(self, number: int) -> None:
        """Read one case.

        Raises:
            AssertionError: it took too much, or came to nothing that it may come to.
        """
        files = self.files(number)
        uploaded = []
        for at, (name, content) in enumerate(files.items()):
            path = self.folder / f"upload-{at}"
            path.write_bytes(content)
            uploaded.append(UploadedFile(name, path))
        session = self._session() if number % 20 == 0 else None
        size = sum(map(len, files.values()))
        calls = 0

        def unpacked(found: int) -> None:
            nonlocal size
            size = max(size, found)

        def count(_: FrameType, event: str, __: Any) -> None:  # noqa: ANN401  # as sys wants it
            nonlocal calls
            calls += event in {"call", "c_call"}

        start = time.process_time()
        # In tiny steps every second time, so that small files come to the edges of the window, too.
        _take_steps(_TINY if number % 2 else _USUAL)
        sys.setprofile(count if self.count_calls else None)
        try:
            outcome = self._read(uploaded, session, unpacked)
        finally:
            sys.setprofile(None)
            _take_steps(_USUAL)
        self.slowest = max(self.slowest, (time.process_time() - start, number))
        if calls > CALLS_AT_LEAST:
            self.most_calls = max(self.most_calls, (calls / max(size, 1), number))
        self.outcomes[outcome] += 1
        assert calls <= CALLS_AT_LEAST + CALLS_PER_BYTE * size, f"{calls:,} calls, {size:,} bytes"

    def _session(self) -> SessionFilms:
        path = self.folder / "session"
        path.write_text("".join(f"{json.dumps(film)}\n" for film in _SESSION))
        return SessionFilms(path, "s0", 3)

    def _read(
        self,
        uploaded: list[UploadedFile],
        session: SessionFilms | None,
        unpacked: Callable[[int], None],
    ) -> str:
        try:
            result = read_lists(
                uploaded,
                max_movies=1_000,
                max_bytes=MOST_BYTES,
                folder=self.folder,
                session=session,
                on_unpacked=unpacked,
            )
        except (ListRefused, ListTooCostly) as refusal:
            return _checked(refusal)
        report = json.loads((self.folder / REPORT_FILE).read_text("utf-8"))
        lines = (self.folder / MOVIES_FILE).read_text("utf-8").count("\n")
        assert report["total_movies"] > 0
        assert report["rows_merged"] >= 0
        assert lines >= result.added + result.changed
        return "read"


def _take_steps(steps: dict[ModuleType, dict[str, int]]) -> None:
    for module, values in steps.items():
        vars(module).update(values)


def _checked(refusal: ListRefused | ListTooCostly) -> str:
    assert len(refusal.message) > 10
    assert refusal.line is None or refusal.line > 0
    return refusal.reason if isinstance(refusal, ListRefused) else refusal.limit


def _case(chance: random.Random, samples: list[Files]) -> Files:
    files: Files = {}
    for _ in range(chance.choice((1, 1, 1, 1, 2, 3))):
        make = chance.choice(
            (
                *(_sample, _sample, _sample, _family, _table, _table, _json, _json, _bytes),
                *(_xml, _page, _workbook, _workbook_parts),
            )
        )
        for name, content in make(chance, samples).items():
            files[name if chance.random() < 0.7 else chance.choice(_NAMES)] = _damaged(
                chance, content
            )
    if chance.random() < 0.15:
        return {chance.choice(_NAMES): _damaged(chance, _packed(files), most=3)}
    return files


def _sample(chance: random.Random, samples: list[Files]) -> Files:
    return chance.choice(samples)


def _family(chance: random.Random, _: list[Files]) -> Files:
    return chance.choice(list(FAMILIES.values()))(chance.choice((1, 2, 3, 5, 8, 20, 60)))


def _table(chance: random.Random, _: list[Files]) -> Files:
    columns = chance.choices(_COLUMNS, k=chance.randint(1, 8))
    delimiter = chance.choice(",,;\t")
    rows = [
        delimiter.join(
            chance.choices(_CELLS, k=chance.choice((len(columns), chance.randint(0, 9))))
        )
        for _ in range(chance.choice((0, 1, 3, 10)))
    ]
    end = chance.choice(("\n", "\r\n", "\r"))
    encoding = chance.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"))
    text = end.join([delimiter.join(columns), *rows])
    return {chance.choice(_NAMES): text.encode(encoding, "ignore")}


def _json(chance: random.Random, _: list[Files]) -> Files:
    values = [_value(chance, 0) for _ in range(chance.choice((1, 2, 5)))]
    is_ascii = chance.random() < 0.5
    if chance.random() < 0.5:
        text = "\n".join(json.dumps(value, ensure_ascii=is_ascii) for value in values)
    else:
        text = json.dumps(values, ensure_ascii=is_ascii, indent=chance.choice((None, 1)))
    return {chance.choice(_NAMES): text.encode("utf-8", "replace")}


def _value(chance: random.Random, depth: int) -> Any:  # noqa: ANN401  # whatever JSON may be
    kind = chance.randint(0, 9) if depth < 5 else chance.randint(0, 4)
    if kind < 3:
        return chance.choice(_CELLS)
    if kind < 5:
        return chance.choice((0, 1, 1995, -1, 4.5, 1e300, 10**30, True, False, None, float("nan")))
    if kind < 7:
        return [_value(chance, depth + 1) for _ in range(chance.randint(0, 4))]
    return {chance.choice(_MEMBERS): _value(chance, depth + 1) for _ in range(chance.randint(0, 5))}


def _bytes(chance: random.Random, _: list[Files]) -> Files:
    parts = [
        chance.choice(_ODD) if chance.random() < 0.7 else chance.randbytes(chance.randint(0, 9))
        for _ in range(chance.randint(0, 40))
    ]
    return {chance.choice(_NAMES): b"".join(parts)}


def _xml(chance: random.Random, _: list[Files]) -> Files:
    return {chance.choice(_NAMES): markup_fuzzing.xml(chance, _CELLS)}


def _page(chance: random.Random, _: list[Files]) -> Files:
    return {chance.choice(_NAMES): markup_fuzzing.page(chance, _CELLS)}


def _workbook(chance: random.Random, _: list[Files]) -> Files:
    return {chance.choice(_NAMES): markup_fuzzing.book(chance, _CELLS, _COLUMNS)}


def _workbook_parts(chance: random.Random, samples: list[Files]) -> Files:
    """A workbook of which a part is damaged, and then packed as if it were none."""
    (name, content), *_ = _workbook(chance, samples).items()
    parts = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.namelist():
            inner = archive.read(part)
            parts[part] = _damaged(chance, inner) if chance.random() < 0.4 else inner
    return {name: _packed(parts)}


def _damaged(chance: random.Random, content: bytes, most: int = 4) -> bytes:
    """Content with pieces taken out, doubled, put in, repeated or cut off."""
    for _ in range(chance.choice((0, 0, 1, 1, 2, most))):
        at = chance.randint(0, len(content))
        end = min(len(content), at + chance.choice((0, 1, 5, 200)))
        change = chance.randint(0, 5)
        if change == 0:
            content = content[:at] + content[end:]
        elif change == 1:
            content = content[:end] + content[at:]
        elif change == 2:
            content = content[:at] + content[at:end] * chance.choice((2, 50)) + content[end:]
        elif change == 3:
            content = content[:at]
        else:
            content = content[:at] + chance.choice(_ODD) + content[end:]
    return content[:MOST_BYTES]


def _packed(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name or "x", content)
    return packed.getvalue()


def main() -> int:
    """Run the cases; 1 where one did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzzing.lists",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of the one case to run")
    parser.add_argument("--seconds", type=float, help="processor seconds that no case may exceed")
    options = parser.parse_args()
    numbers = range(options.cases) if options.only is None else [options.only]
    print(f"seed {options.seed}, {len(numbers):,} cases", flush=True)  # noqa: T201  # it is a command
    with TemporaryDirectory(prefix="fuzzing-") as name:
        fuzzing = Fuzzing(options.seed, Path(name), count_calls=options.seconds is None)
        _limit_memory()
        for number in numbers:
            try:
                fuzzing.run(number)
            except BaseException:
                print(f"failed: --seed {options.seed} --only {number}", flush=True)  # noqa: T201
                raise
            if number and number % 50_000 == 0:
                print(f"{number:,} cases", flush=True)  # noqa: T201
    _tell(fuzzing)
    return int(options.seconds is not None and fuzzing.slowest[0] > options.seconds)


def _limit_memory() -> None:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_MEMORY, hard))


def _tell(fuzzing: Fuzzing) -> None:
    for outcome, times in fuzzing.outcomes.most_common():
        print(f"{times:9,}  {outcome}")  # noqa: T201
    seconds, number = fuzzing.slowest
    print(f"slowest: {seconds:.3f} s of processor time, case {number}")  # noqa: T201
    calls, number = fuzzing.most_calls
    print(f"most calls a byte: {calls:.1f}, case {number}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
