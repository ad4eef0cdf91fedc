"""compose.yaml, Dockerfile and `.env` files as the tests of containers read them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from local_stack.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMPOSE = ROOT / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class MissingVariable(LookupError):  # noqa: N818  # it names what compose would say
    """A variable that compose.yaml insists on is not set."""


def variables() -> set[str]:
    """All that compose.yaml takes from `.env`."""
    return {name for name, _, _ in _VARIABLE.findall(COMPOSE.read_text("utf-8"))}


def composed(env: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with its variables filled in, as compose does it.

    Raises:
        MissingVariable: one that must be set is not, or is empty.
    """

    def value(found: re.Match[str]) -> str:
        name, how, text = found.groups()
        if env.get(name):
            return env[name]
        if how == "?":
            raise MissingVariable(f"{name}: {text}")
        return text or ""

    def filled(part: object) -> object:
        if isinstance(part, dict):
            return {name: filled(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [filled(inner) for inner in part]
        return _VARIABLE.sub(value, part) if isinstance(part, str) else part

    whole = filled(raw_compose())
    assert isinstance(whole, dict)
    return whole


def raw_compose() -> dict[str, Any]:
    """compose.yaml as it stands."""
    whole: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return whole


def read_env(file: Path) -> dict[str, str]:
    """A `.env` file of plain assignments."""
    lines = [line for line in file.read_text("utf-8").splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with all that follows it, in order."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (x.partition(" ") for x in lines)]


def final_stage() -> list[tuple[str, str]]:
    """The instructions of the stage that is the image."""
    every = [instruction for instruction in instructions() if instruction[0]]
    last = max(place for place, (word, _) in enumerate(every) if word == "FROM")
    return every[last:]


def image_env() -> dict[str, str]:
    """The environment that the image brings."""
    (text,) = [rest for word, rest in final_stage() if word == "ENV"]
    return dict(pair.split("=", 1) for pair in text.split())


def exec_form(text: str) -> list[str]:
    """The words of a command that is run without a shell, so that signals arrive.

    Raises:
        json.JSONDecodeError: it is not in that form.
    """
    words: list[str] = json.loads(text)
    return words


def seconds(text: str) -> float:
    """A duration of compose, in seconds."""
    assert re.fullmatch(r"\d+s", text), text
    return float(text[:-1])
