"""The manual's table of settings is what the code says."""

from __future__ import annotations

from local_stack.processes import ROOT
from shared.settings_table import settings_table


def test_settings_page_matches_the_settings() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    block = text.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]

    assert block == settings_table(), "run `python -m shared.settings_table` and paste its output"
