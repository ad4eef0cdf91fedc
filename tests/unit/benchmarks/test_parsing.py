"""What the benchmark of parsing measures is each form, read as what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.list_forms import FORMS
from benchmarks.markup_forms import MARKUP_FORMS
from benchmarks.parsing import measure

if TYPE_CHECKING:
    from pathlib import Path


def test_every_form_is_written_and_read_as_what_it_is(tmp_path: Path) -> None:
    figures = measure(tmp_path, rows=60, repeats=1)
    assert [figure.what for figure in figures[:-1]] == [
        form.name for form in (*FORMS, *MARKUP_FORMS)
    ]
    assert all(figure.met is not None for figure in figures[:-1] if figure.reach)
