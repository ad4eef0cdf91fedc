"""Prints the settings as the table of docs/settings.md: `python -m shared.settings_table`."""

from __future__ import annotations

import sys

from pydantic_core import PydanticUndefined

from shared.settings import Settings


def settings_table() -> str:
    """All settings as a Markdown table: name, default and meaning."""
    lines = ["| name | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        unset = field.default in {None, PydanticUndefined}
        default = "" if unset else f"`{field.default}`"
        lines.append(f"| `{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
