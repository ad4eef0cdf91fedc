"""JSON is read in a window: the same values as of the whole, and nothing larger than one value."""

from __future__ import annotations

import io
import itertools
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.files import json_stream
from api_service.lists.files.json_stream import (
    BrokenJsonError,
    JsonStream,
    LargeList,
    LargeObject,
    LargeValueError,
)
from api_service.lists.model import CostLimit, ListRefused, ListTooCostly, Refusal
from tests.support.uploaded_lists import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.api_service.conftest import Upload

MIB = 1 << 20
SMALLEST = 8
"""Characters of a value in a stream that is read in tiny steps."""


@pytest.fixture
def tiny_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_VALUE", SMALLEST)
    monkeypatch.setattr(json_stream, "_AHEAD", SMALLEST + 64)
    monkeypatch.setattr(json_stream, "_STEP", 7)


def whole(value: Any) -> Any:  # noqa: ANN401
    """A value with what came piece by piece put together."""
    if isinstance(value, LargeObject):
        return {name: whole(member.value) for name, member in value.members()}
    if isinstance(value, LargeList):
        return [whole(item.value) for item in value.items()]
    return value


def streamed(content: str, encoding: str = "utf-8") -> list[tuple[int, Any]]:
    stream = JsonStream(io.BytesIO(content.encode(encoding)), encoding)
    return [(line, whole(value)) for line, value in stream.values()]


def expected(content: str) -> Iterator[tuple[int, Any]]:
    """The same from the whole text, by the standard library."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda _: "")
    at = 0
    depth = 0
    while True:
        while content[at : at + 1].isspace() or (depth and content[at : at + 1] == ","):
            at += 1
        if at == len(content):
            return
        if not depth and content[at] == "[":
            depth, at = 1, at + 1
        elif depth and content[at] == "]":
            depth, at = 0, at + 1
        else:
            value, end = decoder.raw_decode(content, at)
            yield content.count("\n", 0, at) + 1, value
            at = end


SMALL = st.none() | st.booleans() | st.integers(0, 9) | st.text("aé\n😀", max_size=2)
ITEMS = st.dictionaries(st.sampled_from("ab"), SMALL, max_size=1)
LISTS = st.lists(st.integers(0, 9) | ITEMS, max_size=9)
HOLDERS = st.dictionaries(st.sampled_from(["x", "yy", "films"]), LISTS | SMALL, max_size=3)
SPACES = st.sampled_from(["", " ", "\n", "\r\n", "\n \n", " " * 90])


@pytest.mark.usefixtures("tiny_steps")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@given(values=st.lists(HOLDERS | ITEMS, max_size=5), is_list=st.booleans(), space=SPACES)
def test_values_in_tiny_steps_are_those_of_the_whole(
    encoding: str,
    values: list[Any],
    is_list: bool,  # noqa: FBT001  # as drawn
    space: str,
) -> None:
    texts = [
        json.dumps(value, ensure_ascii=False, separators=(f",{space[:2]}", ":")) for value in values
    ]
    content = space + (f",{space}" if is_list else f"{space} ").join(texts) + space
    if is_list:
        content = f"{space}[{content}]{space}"
    try:
        found = streamed(content, encoding)
    except LargeValueError:
        # Where an item within is larger than one may be, white space included.
        assert any(len(text) > SMALLEST for text in texts)
        return
    assert found == list(expected(content.replace("\r\n", "\n")))


@pytest.mark.usefixtures("tiny_steps")
@given(values=st.lists(HOLDERS, min_size=1, max_size=3), cut=st.integers(1, 200))
def test_broken_json_in_tiny_steps_is_never_read(values: list[Any], cut: int) -> None:
    content = json.dumps(values)
    try:
        found = streamed(content[: -min(cut, len(content) - 1)])
    except (BrokenJsonError, LargeValueError):
        return
    pytest.fail(f"{content[:-cut]!r} was read as {found}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"title": "Heat"' + " " * 2 * MIB + "]", "Expecting ',' delimiter"),
        ('[{"title" "Heat"}' + ', {"title": "Ran"}' * 100_000 + "]", "Expecting ':' delimiter"),
        ('{"films": [{"title": "Heat"} 1' + ", 1" * MIB + "]}", "Expecting ',' delimiter"),
        ('{"films": [1' + ', {"title": "Ran"}' * 100_000, "Expecting ',' delimiter"),
        ('{"films": [' + '{"title": "Heat"},' * 100_000 + "]}", "Expecting value"),
        ('{"films": [' + '{"title": "Heat"},' * 100_000 + "1], }", "property name"),
    ],
)
def test_what_is_broken_far_from_the_end_is_told_from_what_is_large(
    content: str, message: str
) -> None:
    with pytest.raises(ListRefused) as caught:
        read({"films.json": content})
    assert caught.value.reason is Refusal.BROKEN_JSON
    assert message in caught.value.message


def film(number: int) -> dict[str, Any]:
    return {"title": f"Film {number}", "review": "x" * 2_000}


def test_lists_in_an_object_larger_than_one_value_are_read_by_name() -> None:
    content = {
        "user": {"name": "me", "films": [1, 2]},
        "watched": ["Heat", 17, *map(film, range(800))],
        "shows": list(map(film, range(800, 1_600))),
        "count": 1_600,
        "films": [{"title": "Ran"}],
        "notes": [],
    }
    found = read({"films.json": json.dumps(content, indent=1)})
    assert found.column("title") == [
        ("Heat",),
        *((f"Film {number}",) for number in range(800)),
        ("Ran",),
    ]
    assert {code for _, code in found.aside} == {"tv_series"}
    assert found.report["set_aside_count"] == 800
    assert [issue["line"] for issue in found.report["rejected"]] == [1]


def test_objects_larger_than_one_value_may_follow_each_other() -> None:
    parts = [json.dumps({"films": list(map(film, range(n, n + 600)))}) for n in (0, 600)]
    for content in ("\n".join(parts), f"[{','.join(parts)}]"):
        assert len(read({"films.json": content}, max_movies=1_200).movies) == 1_200


ONES = "1," * MIB + "1"
TOO_LARGE = {
    "a list within an item": f'[{{"title": "Heat", "year": 1995, "a": [{ONES}]}}]',
    "a text": f'[{{"title": "Heat", "a": "{"x" * (MIB + 1)}"}}]',
    "a text alone": f'["{"x" * (MIB + 1)}"]',
    "a number": f'["Heat", {"1" * (MIB + 1)}]',
    "an item with very many members": json.dumps([dict.fromkeys(map(str, range(200_000)), 1)]),
    "an object that is no list": json.dumps(dict.fromkeys(map(str, range(200_000)), 1)),
    "a list of lists": f"[[{ONES}]]",
    "an object within an object": f'{{"data": {{"films": [{ONES}]}}}}',
    "an item with a list of things and a title": json.dumps(
        {"cast": [{"name": "x" * 99}] * 20_000, "title": "Heat"}
    ),
    "a list within an object within a list": json.dumps({"films": [{"a": [1] * MIB}]}),
    "a list of numbers beside films": json.dumps({"films": [{"title": "Ran"}], "ids": [1] * MIB}),
    "very many small members": json.dumps({str(n): "x" * 900 for n in range(1_200)}),
    "a name": f'{{"{"x" * (MIB + 1)}": 1}}',
}


@pytest.mark.parametrize("content", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_value_larger_than_an_item_may_be_is_refused(upload: Upload, content: str) -> None:
    error = upload.too_costly({"films.json": content})
    assert (error.limit, error.file) == (CostLimit.ITEM_SIZE, "films.json")
    assert "1,048,576 characters" in error.message


def test_value_as_large_as_an_item_may_be_is_read(upload: Upload) -> None:
    rest = len('{"title":"Heat","review":""}')
    content = f'[{{"title":"Heat","review":"{"x" * (MIB - rest)}"}}]'
    assert upload.read({"films.json": content}).total_movies == 1
    upload.too_costly({"films.json": content.replace('"xx', '"xxx')})


def test_names_beyond_a_thousand_are_refused(upload: Upload) -> None:
    items = [{"title": f"Film {n}", f"key {n}": 1} for n in range(1_000)]
    assert upload.read({"films.json": json.dumps(items[:999])}).total_movies == 999
    error = upload.too_costly({"films.json": json.dumps(items)})
    assert (error.limit, error.line) == (CostLimit.NAMES, 1_000)
    one = json.dumps([{"title": "Heat", **dict.fromkeys(map(str, range(1_000)), 1)}])
    assert upload.too_costly({"films.json": one}).limit is CostLimit.NAMES


def test_item_may_be_nested_a_hundred_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        inner = depth - 1
        return f'[{{"title": "Heat", "a": {"[" * inner}1{"]" * inner}}}]'

    assert read({"films.json": nested(100)}).column("title") == [("Heat",)]
    with pytest.raises(ListRefused) as caught:
        read({"films.json": nested(101)})
    assert (caught.value.reason, caught.value.line) == (Refusal.BROKEN_JSON, 1)


@pytest.mark.parametrize("blank", ["{}", '{"title": ""}', "[]", "17", "null", '""'])
@pytest.mark.parametrize("first", ['{"title": "Heat"}', "{}"])
def test_items_that_yield_nothing_are_given_up_early(
    upload: Upload, first: str, blank: str
) -> None:
    items = itertools.chain([first], itertools.repeat(blank, 120_000))
    error = upload.too_costly({"films.json": "[" + ",".join(items) + "]"})
    assert error.limit is CostLimit.BLANK_ROWS
    assert error.line is not None
    assert error.line < 100_100


def test_items_without_the_name_of_a_film_are_given_up_early(upload: Upload) -> None:
    error = upload.too_costly({"films.json": "[" + '{"a": 1},' * 100_001 + "{}]"})
    assert (error.limit, error.line) == (CostLimit.BLANK_ROWS, 100_000)


def test_in_a_zip_what_is_too_large_is_set_aside_beside_a_list(upload: Upload) -> None:
    files = {"other.json": TOO_LARGE["an object within an object"], "films.csv": "Title\nHeat\n"}
    assert upload.zipped(files).total_movies == 1
    del files["films.csv"]
    with pytest.raises(ListTooCostly):
        upload.zipped(files)


def test_memory_does_not_grow_with_the_file() -> None:
    content = io.BytesIO(
        b"[0" + b',{"title": "Ran", "review": "%s"}' % (b"x" * 500) * 40_000 + b"]"
    )
    tracemalloc.start()
    count = sum(1 for _ in JsonStream(content, "utf-8").values())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40_001
    assert peak < 8 * MIB
