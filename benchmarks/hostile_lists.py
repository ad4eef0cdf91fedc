"""Lists that are made to cost as much as they can, of any size: what a stranger may send.

Each family is one way to make reading grow faster than the list, or to make it take memory, time or
room out of proportion. A family is given a number, of rows mostly, and gives files by name.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Final, TypeAlias

from benchmarks.hostile_markup import MARKUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Files: TypeAlias = "dict[str, bytes]"
Family: TypeAlias = "Callable[[int], Files]"

_LETTERBOXD: Final = "Date,Name,Year,Letterboxd URI"
_DIARY: Final = f"{_LETTERBOXD},Rating,Rewatch,Tags,Watched Date"
_OURS: Final = (
    "Position,Title,Year,TMDb ID,IMDb ID,Session,Watched,Watch Dates,Rewatches,Tags,Lists"
)
_MARKS: Final = "\u0301\u0323"
"""Accents in the wrong order, which normalising has to sort."""


def _csv(header: str, rows: Iterable[str], name: str = "list.csv") -> Files:
    return {name: "\n".join([header, *rows, ""]).encode()}


def _json(items: Iterable[str], name: str = "list.json") -> Files:
    return {name: f"[{','.join(items)}]".encode()}


def _film(n: int, more: str) -> str:
    return f'{{"title":"Film {n}",{more}}}'


def _keys(n: int) -> str:
    return ",".join(f'"k{number}":1' for number in range(n))


def _zipped(files: Files) -> Files:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {"lists.zip": packed.getvalue()}


def _absorbed(n: int) -> Files:
    """Films without an id, with a watching each, that rows with one id make one film of."""
    apart = (f"Film {number},,2020-01-{number % 28 + 1:02},x{number}" for number in range(n))
    together = (f"Film {number},1,2020-01-01," for number in range(n))
    return _csv("Title,TMDB ID,Watched Date,Tags", [*apart, *together])


def _absorbed_with_addresses(n: int) -> Files:
    films = (f"2020-01-01,Film {number},2000,https://boxd.it/{number}" for number in range(n))
    apart = _csv(_LETTERBOXD, films, "watched.csv")
    rows = (f"Film {number},2000,1" for number in range(n))
    return apart | _csv("Title,Year,TMDB ID", rows, "other.csv")


def _joined(n: int) -> Files:
    """MovieLens's files, in as many parts, each of which names the others in the report."""
    name = "a-long-name-for-a-file" * 8
    ratings = {
        f"{name}{number}-ratings.csv": f"userId,movieId,rating\n1,{number},4\n".encode()
        for number in range(n)
    }
    movies = {
        f"{name}{number}-movies.csv": f"movieId,title\n{number},Film {number}\n".encode()
        for number in range(n)
    }
    return _zipped(ratings | movies)


def _lists_of_one_film(n: int) -> Files:
    return _zipped(
        {
            f"lists/{number}.csv": b"Position,Name,Year,URL\n1,Heat,1995,https://boxd.it/heat\n"
            for number in range(n)
        }
    )


def _list_with_a_long_name(n: int) -> Files:
    about = f"Date,Name,Tags,URL,Description\n2020-01-01,{'x' * 20 * n},,https://boxd.it/L,\n\n"
    rows = (f"{number},Film {number},2000,https://boxd.it/{number}" for number in range(n))
    content = "\n".join(["Position,Name,Year,URL", *rows, ""])
    return {"lists/x.csv": (about + content).encode()}


def _issues_of_a_file_with_a_long_name(n: int) -> Files:
    rows = b"Title,Year\n" + b"Heat,17\n" * n
    return _zipped({"x" * min(20 * n, 60_000) + ".csv": rows})


CSV: Final[dict[str, Family]] = {
    "films": lambda n: _csv("Title,Year", (f"Film {i},2000" for i in range(n))),
    "one film": lambda n: _csv(_DIARY, [f"2020-01-01,Heat,1995,,4,Yes,{'noir'},2020-01-01"] * n),
    "tags of one film": lambda n: _csv("Title,Tags", (f"Heat,tag {i}" for i in range(n))),
    "tags in a cell": lambda n: _csv("Title,Tags", [f'Heat,"{"a," * n}"']),
    "watchings of one film": lambda n: _csv(
        "Title,Watched Date,Rewatch",
        (
            f"Heat,{1900 + i // 336 % 120}-{i // 28 % 12 + 1:02}-{i % 28 + 1:02},Yes"
            for i in range(n)
        ),
    ),
    "addresses of one film": lambda n: _csv(
        _LETTERBOXD, (f"2020-01-01,Heat,1995,https://h{i}.example/x" for i in range(n))
    ),
    "namesakes by address": lambda n: _csv(
        _LETTERBOXD, (f"2020-01-01,Heat,1995,https://boxd.it/{i}" for i in range(n))
    ),
    "namesakes by id": lambda n: _csv(
        "Title,Year,TMDB ID", (f"Heat,1995,{i}" for i in range(1, n + 1))
    ),
    "ids of one film": lambda n: _csv(
        "Title,TMDB ID,IMDb ID", (f"Heat,{i % 2},tt{i:07}" for i in range(1, n + 1))
    ),
    "names of one film": lambda n: _csv(
        "Title,Year,TMDB ID", (f"Film {i},2000,1" for i in range(n))
    ),
    "films made one": _absorbed,
    "films with addresses made one": _absorbed_with_addresses,
    "rows without their address": lambda n: _csv(
        _LETTERBOXD, (f"2020-01-01,Film {i},1995," for i in range(n))
    ),
    "export of one film": lambda n: _csv(
        _OURS, (f'1,Heat,1995,1,,s0,yes,"2020-01-01,2020-01-02",1,a{i},b{i}' for i in range(n))
    ),
    "reviews": lambda n: _csv("Title,Review", (f"Film {i},{'x' * 500}" for i in range(n))),
    "columns": lambda n: _csv(
        "Title," + ",".join(f"c{i}" for i in range(min(n, 999))), ["Heat"] * n
    ),
    "too many columns": lambda n: _csv(f"Title{',a' * n}", [f"Heat{',b' * n}"]),
    "too many cells": lambda n: _csv("Title", ["Heat" + ",x" * 50] * n),
    "blank lines": lambda n: {"list.csv": b"Title\nHeat\n" + b"\n" * n},
    "blank lines after each row": lambda n: _csv(
        "Title", (f"Film {i}" + "\n" * 10 for i in range(n))
    ),
    "lines of commas": lambda n: _csv("Title,Year", ["Heat,1995", *[",,,"] * n]),
    "nothing but blank lines": lambda n: {"list.csv": b"\n" * n},
    "nothing but spaces": lambda n: {"list.csv": b" \n" * n},
    "stray quotation marks": lambda n: {"list.csv": b'"a"b\n' * n},
    "stray quotation marks in rows": lambda n: _csv("Title", ["Heat", *['"a"b'] * n]),
    "control characters": lambda n: _csv("Title", ["Heat", *["A\x07B"] * n]),
    "a quotation mark that stays open": lambda n: _csv("Title", ["Heat", '"' + "x\n" * n]),
    "a record of line breaks": lambda n: _csv("Title,x", ["Heat," + '"\nab",' * n]),
    "bad cells": lambda n: _csv("Title,Year,Rating,Watched Date", ["Heat,x,y,z"] * n),
    "bad rows": lambda n: _csv("Title,Year", ["Heat,1995", *[",1995"] * n]),
    "dates that differ": lambda n: _csv(
        "Title,Watched Date", (f"Heat,1/{i % 12 + 1}/{1900 + i % 200} {i}" for i in range(n))
    ),
    "ratings that differ": lambda n: _csv(
        "Title,Rating", (f"Heat,{i % 5}.{i % 10_000:04}" for i in range(n))
    ),
    "accents": lambda n: _csv("Title", ["Heat", *[f"a{_MARKS * 200}"] * (n // 100 + 1)]),
    "a title of accents": lambda n: _csv("Title", ["Heat", f"a{_MARKS * n}"]),
    "long titles": lambda n: _csv("Title", ["Heat", *["x y " * 200] * (n // 100 + 1)]),
    "spaces within titles": lambda n: _csv("Title", ["Heat", f"a{' ' * 9 * n}b"]),
    "brackets": lambda n: _csv("Title", ["Heat", "(1999)" * n, "(" * n + "1999)" * n]),
    "episodes": lambda n: _csv("Title,Date", ["Heat,1/2/20", f"x{': episode 1 (' * n},1/2/20"]),
    "seasons": lambda n: _csv("Title,Date", ["Heat,1/2/20", f"x{': season 1 :' * n},1/2/20"]),
    "rests of one beginning": lambda n: _csv(
        "Title,Date", ["Heat,1/13/20", *(f"Show: Name {i} x,1/{i % 28 + 1}/20" for i in range(n))]
    ),
    "beginnings and forms that differ": lambda n: _csv(
        "Title,Date",
        ["Heat,1/13/20", *(f"Show {i}x: w{'x' * (i % 19)} {i % 9},1/1/20" for i in range(n))],
    ),
    "seasons that differ": lambda n: _csv(
        "Title,Date", ["Heat,1/13/20", *(f"Show: Part x{i}x: w {i % 99},1/1/20" for i in range(n))]
    ),
    "colons": lambda n: _csv("Title,Date", ["Heat,1/13/20", *[f"x{': (a 1)' * 60},1/1/20"] * n]),
    "profiles": lambda n: _csv(
        "Profile Name,Start Time,Duration,Title,Supplemental Video Type",
        (f"P{i},2020-01-01 00:00:00,01:00:{i % 60:02},Film {i}," for i in range(n)),
    ),
    "articles": lambda n: _csv("movieId,title,rating", ["1,Heat,4", f'2,"{"a, The (" * n}",4']),
    "types": lambda n: _csv("Title,Type", (f"Film {i},{'x' * 50}{i}" for i in range(n))),
    "plain titles": lambda n: {"list.txt": "".join(f"- Film {i}\n" for i in range(n)).encode()},
    "an old encoding": lambda n: {"list.csv": b"Title\n" + b"Am\xe9lie\n" * n},
    "sixteen bits": lambda n: {"list.csv": ("Title\n" + "Heat\n" * n).encode("utf-16")},
    "states that nobody knows": lambda n: _csv(
        "Title,Status", (f"Film {i},{'x' * 60} {i}" for i in range(n))
    ),
    "blank states beside one": lambda n: _csv(
        "Title,Status,Watched,Watched Date", ["Heat,seen,yes,2020-01-01", *["Heat,,,"] * n]
    ),
    "a log of actions": lambda n: _csv(
        "created_at,type,uuid,entity_type,release_date,movie_name",
        (f"2020-01-{i % 28 + 1:02},rewatch,a{i},movie,1995-12-15,Heat" for i in range(n)),
    ),
    "days that only the last row tells": lambda n: _csv(
        "Title,Watched Date,Date Added",
        [*(f"Film {i},1/2/2020,3/4/20{i % 90 + 10}" for i in range(n)), "Ran,25/3/2020,"],
    ),
    "columns that are not read": lambda n: _csv(
        "Title," + ",".join(f"date {i}" for i in range(min(n, 900))),
        ["Heat" + "," * min(n, 900), *(["Heat," + "x," * min(n, 899)] * 3)],
    ),
    "columns that stay blank": lambda n: _csv(
        "Title," + ",".join(f"date {i}" for i in range(100)), ["Heat" + "," * 100] * n
    ),
    "ids of a service for namesakes": lambda n: _csv(
        "movieId,title", (f'{i},"Heat (1995)"' for i in range(n))
    ),
    "ids of a service for one film": lambda n: _csv(
        "SIMKL_ID,Title,Watchlist,TMDB", (f"{i},Heat,completed,949" for i in range(n))
    ),
    "lists of a row": lambda n: _csv("Title,Lists", ['Heat,"' + "a\n" * n + '"']),
    "stars": lambda n: _csv("Title,Rating", ["Heat,★★★★½", *[f"Heat,{'★' * 41}"] * n]),
    "months by name": lambda n: _csv(
        "Title,Watched Date", (f"Heat,{i % 28 + 1} March 2020 x{i}" for i in range(n))
    ),
    "lines above the header": lambda n: _csv("my films", ["and more"] * n + ["Title,Year"]),
    "a list with a long name": _list_with_a_long_name,
    "issues of a file with a long name": _issues_of_a_file_with_a_long_name,
    "lists of one film": lambda n: _lists_of_one_film(min(n // 10, 1_999)),
    "joined files": lambda n: _joined(min(n // 10, 999)),
}
JSON: Final[dict[str, Family]] = {
    "items": lambda n: _json(_film(i, '"year":2000') for i in range(n)),
    "lines of items": lambda n: {
        "list.jsonl": "\n".join(_film(i, '"year":2000') for i in range(n)).encode()
    },
    "a key of its own for each item": lambda n: _json(_film(i, f'"k{i}":1') for i in range(n)),
    "a spelling of its own for each item": lambda n: _json(
        _film(i, f'"k{"!" * (i % 150)}":1') for i in range(n)
    ),
    "an item with all names, then small ones": lambda n: _json(
        [json.dumps({"title": "x", **{f"k{i}": "y" for i in range(min(n, 999))}})]
        + ['{"title":"A"}'] * n
    ),
    "a list within an item": lambda n: _json(
        [f'{{"title":"Heat","year":1995,"a":[1{",1" * 50 * n}]}}']
    ),
    "keys of one item": lambda n: _json([_film(1, _keys(n))]),
    "keys of one object": lambda n: {"list.json": f"{{{_keys(20 * n)}}}".encode()},
    "one key again and again": lambda n: _json(['{"title":"Heat"' + ',"a":1' * n + "}"]),
    "nothing": lambda n: _json(["{}"] * n),
    "nothing after a film": lambda n: _json(['{"title":"Heat"}', *["{}"] * n]),
    "nothing after each film": lambda n: _json(f'"Film {i}"' + ",{}" * 10 for i in range(n)),
    "numbers": lambda n: _json(['{"title":"Heat"}', *["1"] * n]),
    "lists": lambda n: _json(['{"title":"Heat"}', *["[]"] * n]),
    "white space": lambda n: {"list.json": b'[{"title":"Heat"}' + b"\n" * 100 * n + b"]"},
    "depth": lambda n: {"list.json": b'[{"title":' + b"[" * n},
    "depth in each item": lambda n: _json(
        _film(i, f'"a":{"[" * 90}{"]" * 90}') for i in range(n // 10 + 1)
    ),
    "films within films": lambda n: _json(
        f'{{"movie":{{"film":{{"item":{{"ids":{{"tmdb":{i}}}}}}}}}}}' for i in range(1, n)
    ),
    "an object of lists": lambda n: {
        "list.json": json.dumps(
            {"films": [{"title": f"Film {i}", "x": "y" * 100} for i in range(5 * n)]}
        ).encode()
    },
    "objects of lists": lambda n: _json(f'{{"films":[{_film(i, _keys(1))}]}}' for i in range(n)),
    "escapes": lambda n: _json(_film(i, '"review":"' + "\\u0041" * 50 + '"') for i in range(n)),
    "halves of characters": lambda n: _json(['{"title":"Heat"}', *['{"title":"\\ud800"}'] * n]),
    "an endless text": lambda n: {"list.json": b'[{"title":"' + b"x" * 100 * n},
    "members of members": lambda n: _json(
        _film(i, '"a":{"b":{"c":{"rating":1,"date":"2020"}}}') for i in range(n)
    ),
    "a path of its own for each item": lambda n: _json(
        _film(i, f'"a":{{"date{i}":1}}') for i in range(n)
    ),
    "viewings of one item": lambda n: _json(
        [
            '{"title":"Heat","seen":[{"watched_at":"2020-01-01"}'
            + ',{"watched_at":"2020"}' * n
            + "]}"
        ]
    ),
    "viewings of each item": lambda n: _json(
        _film(i, '"seen_history":[' + ",".join(['{"ended_on":"2020-01-01"}'] * 9) + "]")
        for i in range(n)
    ),
    "items by their ids": lambda n: {
        "list.json": json.dumps(
            {"movies": {str(i): {"title": f"Film {i}"} for i in range(n)}}
        ).encode()
    },
    "lists within lists": lambda n: _json(
        f'{{"name":"L{i}","items":[{{"name":"M","items":[{_film(i, _keys(1))}]}}]}}'
        for i in range(n)
    ),
    "descriptions of lists": lambda n: _json(
        ['{"title":"Heat"}'] + [f'{{"name":"L{i}","privacy":"x","item_count":1}}' for i in range(n)]
    ),
    "titles alone": lambda n: _json(f'"Film {i}"' for i in range(n)),
}
FAMILIES: Final = CSV | JSON | MARKUP
