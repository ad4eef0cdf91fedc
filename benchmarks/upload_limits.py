"""The peak memory and the time of the costliest single uploads, hostile and honest.

Each is read in a process of its own as the API reads it, within its limits. The peak is the largest
resident memory of that process above what it had when it was idle; one that reading ends leaves its
last sample.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psutil

from api_service.lists.model import ListRefused, ListTooCostly, UploadedFile
from api_service.uploads.parser_pool import ParserPool
from benchmarks.figures import Figure, spread, table
from benchmarks.hostile_lists import FAMILIES
from benchmarks.list_forms import rows as list_rows
from benchmarks.markup_forms import plex, shared_workbook
from benchmarks.workbook_forms import sheet_of, workbook
from shared.errors import ParsersBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEGABYTE = 1_000_000
REACH_MEMORY = 300 * MEGABYTE
MOST_BYTES, MOST_MOVIES = 52_428_800, 200_000
"""The settings' defaults."""
_LARGEST = MOST_BYTES - 4_096
_SAMPLE_SECONDS = 0.01
BESIDE = "a list of one film, read beside 24 uploads of 48 MB"
LARGE_UPLOADS, SMALL_UPLOADS = 24, 10
REACH_WAIT = 2.0
"""Seconds."""
_EXPORTED = 175_000
"""Films of which an export is as large as is taken."""


def _zipped(name: str, content: bytes) -> dict[str, bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return {"lists.zip": packed.getvalue()}


def _bomb() -> dict[str, bytes]:
    return _zipped(
        "films.json", b'[{"title":"Heat","year":1995,"a":[1' + b",1" * 24_000_000 + b"]}]"
    )


def _two_million_keys() -> dict[str, bytes]:
    keys = ",".join(f'"k{number}":1' for number in range(2_000_000))
    return _zipped("films.json", f"[{{{keys}}}]".encode())


def _a_key_for_each_item() -> dict[str, bytes]:
    items = (json.dumps({"title": f"Film {n}", f"key{n}": 1}) for n in range(600_000))
    return _zipped("films.json", f"[{','.join(items)}]".encode())


def _largest_list() -> dict[str, bytes]:
    """As many films as are taken, with a review each, in as many bytes as are taken."""
    header = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
    review = "x" * (_LARGEST // MOST_MOVIES - 100)
    rows = (
        f"2020-01-01,The Night of the Film {n},{1920 + n % 100},https://boxd.it/{n},4,,{review},"
        f"tag {n % 50},2020-01-{n % 28 + 1:02}\n"
        for n in range(MOST_MOVIES)
    )
    return {"reviews.csv": (header + "".join(rows)).encode()[:_LARGEST]}


def _largest_json() -> dict[str, bytes]:
    review = "x" * (_LARGEST // MOST_MOVIES - 110)
    items = (
        json.dumps({"title": f"The Film {n}", "year": 2000, "tmdb_id": n + 1, "review": review})
        for n in range(MOST_MOVIES)
    )
    return {"films.json": f"[{','.join(items)}]".encode()}


def _letterboxd_export() -> dict[str, bytes]:
    """A whole export: every film in four files of it."""
    parts: dict[str, tuple[str, Callable[[int], str]]] = {
        "watched.csv": ("", lambda _: ""),
        "ratings.csv": (",Rating", lambda n: f",{n % 10 / 2 + 0.5:g}"),
        "diary.csv": (
            ",Rating,Rewatch,Tags,Watched Date",
            lambda n: f",{n % 10 / 2 + 0.5:g},Yes,tag {n % 50},2020-01-{n % 28 + 1:02}",
        ),
        "likes/films.csv": ("", lambda _: ""),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (columns, cells) in parts.items():
            rows = (
                f"2020-01-01,The Night of Film {n},{1920 + n % 100},https://boxd.it/{n}{cells(n)}\n"
                for n in range(_EXPORTED)
            )
            archive.writestr(name, f"Date,Name,Year,Letterboxd URI{columns}\n" + "".join(rows))
    return {"export.zip": packed.getvalue()}


def _emoji() -> dict[str, bytes]:
    rows = (f"{'😀' * 50} {n},2000\n" for n in range(MOST_MOVIES))
    return {"films.csv": ("Title,Year\n" + "".join(rows)).encode()}


def _workbook_of(rows: int) -> dict[str, bytes]:
    return {"films.xlsx": shared_workbook(list_rows(rows))}


def _workbook_bomb() -> dict[str, bytes]:
    cells = "<c><v>1</v></c>" * 500
    rows = sheet_of([f"<row>{cells}</row>"] * 100_000)
    return {"films.xlsx": workbook({"a": rows})}


def _strings_bomb() -> dict[str, bytes]:
    strings = f"<si><t>{'x' * 1_000_000}</t></si>" * 49 + "<si><t>Title</t></si>"
    cells = '<c t="s"><v>0</v></c>'
    rows = sheet_of([f"<row>{cells}</row>"] * 100_000)
    return {"films.xlsx": workbook({"a": rows}, strings=strings)}


def _largest_xml() -> dict[str, bytes]:
    """As many titles of Plex as fit, with a long summary each."""
    films = plex(list_rows(_LARGEST // 550))
    return {"all.xml": films}


NAMED: dict[str, Callable[[], dict[str, bytes]]] = {
    "47 kB of zip, one item with 24,000,000 ones": _bomb,
    "one object with 2,000,000 keys": _two_million_keys,
    "600,000 items with a key each": _a_key_for_each_item,
    "49 MB of {},": lambda: {"films.json": b"[" + b"{}," * 16_000_000 + b"{}]"},
    "49 MB of line ends": lambda: {"films.csv": b"Title\nHeat\n" + b"\n" * 49_000_000},
    "200,000 films with reviews, 50 MB of CSV": _largest_list,
    "200,000 films with reviews, 50 MB of JSON": _largest_json,
    "200,000 films in emoji": _emoji,
    "a whole export of 175,000 films": _letterboxd_export,
    "a workbook of 200,000 films": lambda: _workbook_of(MOST_MOVIES),
    "a workbook of 50,000,000 cells": _workbook_bomb,
    "a workbook that shares 49 MB of text": _strings_bomb,
    "an XML of 50 MB": _largest_xml,
}


def main() -> None:
    """Read each, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upload_limits", description=__doc__)
    parser.add_argument(
        "--families", action="store_true", help="each hostile family at its largest, too"
    )
    parser.add_argument("--only", help="those whose name has this in it")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} from elsewhere", flush=True)
    print(table(measure(options.only, families=options.families)), flush=True)


def measure(only: str | None, *, families: bool) -> list[Figure]:
    """A figure for each upload, and one for those that wait."""
    figures = [
        asyncio.run(_measured(name, make))
        for name, make in _cases(families=families)
        if only is None or only in name
    ]
    if only is None or only in BESIDE:
        figures.append(asyncio.run(_beside_large_ones()))
    return figures


def _cases(*, families: bool) -> Iterator[tuple[str, Callable[[], dict[str, bytes]]]]:
    yield from NAMED.items()
    for name, family in FAMILIES.items() if families else ():

        def largest(family: Callable[[int], dict[str, bytes]] = family) -> dict[str, bytes]:
            """As large as fits; the size of a row is found by trying."""
            rows = 1_000
            while rows < MOST_BYTES:
                size = sum(map(len, family(rows).values()))
                more = int(rows * min(_LARGEST / size, 8))
                if more <= rows * 1.05 or size > _LARGEST:
                    break
                rows = more
            while sum(map(len, (files := family(rows)).values())) > _LARGEST:
                rows = int(rows * 0.9)
            return files

        yield name, largest


async def _measured(name: str, make: Callable[[], dict[str, bytes]]) -> Figure:
    with TemporaryDirectory(prefix="benchmark-") as folder_name:
        folder = Path(folder_name)
        uploaded = []
        for number, (file_name, content) in enumerate(make().items()):
            path = folder / f"upload-{number}"
            path.write_bytes(content)
            uploaded.append(UploadedFile(file_name, path))
        size = sum(file.path.stat().st_size for file in uploaded)
        async with ParserPool(for_small=0) as pool:
            (parser,) = (
                child
                for child in psutil.Process().children()
                if "spawn_main" in " ".join(child.cmdline())
            )
            idle = parser.memory_info().rss
            peak, seconds = idle, 0.0
            start = time.perf_counter()
            reading = asyncio.create_task(_outcome(pool, uploaded, folder))
            while not reading.done():
                try:
                    peak = max(peak, parser.memory_info().rss)
                    used: Any = parser.cpu_times()
                    seconds = used.user + used.system
                except psutil.NoSuchProcess:
                    pass
                await asyncio.sleep(_SAMPLE_SECONDS)
            took = time.perf_counter() - start
    grown = peak - idle
    return Figure(
        name,
        f"{grown / MEGABYTE:.0f} MB above idle, {took:.1f} s ({seconds:.1f} s of processor), "
        f"{size / MEGABYTE:.1f} MB sent: {reading.result()}",
        f"<= {REACH_MEMORY // MEGABYTE} MB",
        grown <= REACH_MEMORY,
    )


async def _beside_large_ones() -> Figure:
    """How long lists of one film wait while many large ones are read."""
    with TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        large, small = folder / "large", folder / "small"
        large.write_bytes(_largest_list()["reviews.csv"])
        small.write_text("Title\nHeat\n")
        async with ParserPool() as pool:
            before = [
                asyncio.create_task(
                    _outcome(pool, [UploadedFile("large.csv", large)], _own(folder, f"large-{n}"))
                )
                for n in range(LARGE_UPLOADS)
            ]
            waits = []
            for number in range(SMALL_UPLOADS):
                await asyncio.sleep(1)
                start = time.perf_counter()
                await _outcome(pool, [UploadedFile("s.csv", small)], _own(folder, f"s-{number}"))
                waits.append(time.perf_counter() - start)
            refused = sum(task.done() and "503" in task.result() for task in before)
            for task in before:
                task.cancel()
            await asyncio.wait(before)
    return Figure(
        BESIDE,
        f"{spread(waits, 's', 2)}; {refused} of the large ones were asked to come again",
        f"<= {REACH_WAIT:g} s",
        max(waits) <= REACH_WAIT,
    )


def _own(folder: Path, name: str) -> Path:
    path = folder / f"of-{name}"
    path.mkdir()
    return path


async def _outcome(pool: ParserPool, files: list[UploadedFile], folder: Path) -> str:
    try:
        result = await pool.read(files, max_movies=MOST_MOVIES, max_bytes=MOST_BYTES, folder=folder)
    except ListRefused as refusal:
        return f"422 {refusal.reason.value}"
    except ListTooCostly as refusal:
        return f"413 {refusal.limit.value}"
    except ParsersBusyError as refusal:
        return f"503 {refusal.code}"
    return f"{result.total_movies:,} films"


if __name__ == "__main__":
    main()
