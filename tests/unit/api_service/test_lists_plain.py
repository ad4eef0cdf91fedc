"""Plain text, one title a line; and text that is none."""

from __future__ import annotations

import pytest

from api_service.lists.model import ListRefused, Refusal
from tests.support.uploaded_lists import read


@pytest.mark.parametrize(
    "content",
    [
        "Heat (1995)\nThe Good, the Bad and the Ugly (1966)\n\nRan\n",
        "- Heat (1995)\r\n- The Good, the Bad and the Ugly (1966)\r\n- Ran\r\n",
        "1. Heat (1995)\n2. The Good, the Bad and the Ugly (1966)\n3. Ran",
    ],
)
def test_titles_are_read_with_their_years(content: str) -> None:
    found = read({"films.txt": content})
    assert found.formats == ["titles"]
    assert found.column("title", "year", "watched") == [
        ("Heat", "1995", "t"),
        ("The Good, the Bad and the Ugly", "1966", "t"),
        ("Ran", "", "t"),
    ]


def test_titles_that_begin_like_something_else_are_titles() -> None:
    titles = [
        "[REC] (2007)",
        "12 Angry Men",
        "#realityhigh",
        "8½",
        "Mission: Impossible",
        "Me, You",
    ]
    found = read({"films.txt": "\n".join(titles)})
    assert [title for (title,) in found.column("title")] == ["[REC]", *titles[1:]]


def test_watchlist_is_not_watched() -> None:
    assert read({"my watchlist.txt": "Heat"}).column("watched") == [("f",)]


def test_lines_are_rejected_one_by_one() -> None:
    found = read({"films.txt": f"Heat\n\nA\x07B\n{'x' * 501}\n".replace("Heat", "Heat\n" * 60)})
    assert [(issue["line"], issue["code"]) for issue in found.report["rejected"]] == [
        (63, "control_character"),
        (64, "title_too_long"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "Heat,1995\nRan,1985\n",
        "Heat, 1995\nRan, 1985\n",
        "Heat;1995\nRan;1985\n",
        "Foo\tBar\n1\t2\n",
        "Name of it,Number\n1,2\n",
        "<html>\n<body>\n",
        "def f():\n    return {}\n",
        "https://example.org/1\nhttps://example.org/2\n",
        ("This is a text that somebody wrote about films, one of them rather long " * 2 + "\n") * 3,
        "-----\n=====\n",
    ],
)
def test_text_that_is_no_list_of_titles_is_refused(content: str) -> None:
    with pytest.raises(ListRefused) as caught:
        read({"films.txt": content})
    assert caught.value.reason is Refusal.NO_TITLE_COLUMN
