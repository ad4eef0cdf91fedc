"""TMDB is credited as its terms ask, wherever what it told is shown or taken away."""

from __future__ import annotations

import re

import pytest

from local_stack.processes import ROOT

NOTICE = (
    "This product uses TMDB and the TMDB APIs but is not endorsed, certified, or otherwise "
    "approved by TMDB."
)
WEB = "api_service/web"


@pytest.mark.parametrize(
    "path", ["README.md", "docs/api.md", f"{WEB}/index.html", f"{WEB}/assets/export.js"]
)
def test_notice_and_link_stand_where_films_are_shown_or_taken_away(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert NOTICE in re.sub(r"\s+", " ", text)
    assert "https://www.themoviedb.org/" in text


@pytest.mark.parametrize("path", ["README.md", f"{WEB}/index.html"])
def test_mark_of_tmdb_is_shown_with_the_notice(path: str) -> None:
    assert re.search(r"assets/tmdb\.svg\"", (ROOT / path).read_text("utf-8"))


def test_mark_of_tmdb_has_its_own_colours() -> None:
    mark = (ROOT / WEB / "assets" / "tmdb.svg").read_text("utf-8")
    assert set(re.findall(r"#[0-9a-f]{6}", mark)) == {"#90cea1", "#3cbec9", "#00b3e5"}
