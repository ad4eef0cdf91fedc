"""Commands that a test does not run, because they install, start or change things for good.

Each is compared with what it speaks of: the Makefile, compose.yaml, the manifests, the modules.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from local_stack.processes import ROOT
from shared.settings import Settings
from tests.manual.pages import DATABASE_TOOLS
from tests.support.composing import raw_compose, variables
from tests.support.manifests import FOLDER as MANIFESTS
from tests.support.manifests import tool

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = {"curl", "printf", *DATABASE_TOOLS}
"""Programs that tests/end_to_end run."""
OF_TOOLS = {"DOCKER", "PATH", "PYTHON", "PG_BIN"}
"""Variables that are no setting of ours."""
_ASSIGNMENT = re.compile(r"([A-Z_]+)=")
_COMPOSE: dict[str, dict[str, bool]] = {
    "up": {"--build": False, "--detach": False, "--scale": True},
    "down": {"--volumes": False},
    "exec": {"-T": False},
    "logs": {"--since": True},
    "ps": {},
    "stop": {},
}
"""Options by subcommand, and whether each takes a value."""


def compare(words: list[str], where: str) -> None:
    """Fail when a command speaks of what is not there, or is of a kind that nobody compares."""
    while words and (assignment := _ASSIGNMENT.match(words[0])):
        _check_variable(assignment[1], where)
        words = words[1:]
    if not words or words[0] in RUN:
        return
    program = Path(words[0]).name
    assert program in _COMPARED, f"{where}: {words[0]} is neither run nor compared"
    _COMPARED[program](words[1:], f"{where}: {' '.join(words)}")


def is_compared(program: str) -> bool:
    """Whether commands of a program are compared."""
    return Path(program).name in _COMPARED


def there(path: str) -> bool:
    """Whether a path of the project is there; an installation's own is a copy of the example."""
    if path.startswith("deploy/kubernetes/production"):
        path = path.replace("production", "example", 1)
        path = path.removesuffix("/secrets")
    return (ROOT / path).exists()


def _check_variable(name: str, where: str) -> None:
    known = {field.upper() for field in Settings.model_fields} | variables() | OF_TOOLS
    assert name in known, f"{where}: nothing reads {name}"


def _make(words: list[str], where: str) -> None:
    done = subprocess.run(  # noqa: S603  # a dry run: it prints what it would do
        [_found("make"), "--dry-run", "--no-print-directory", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{where}: {done.stderr}"


def _python(words: list[str], where: str) -> None:
    assert words[0] == "-m", where
    module, arguments = words[1], words[2:]
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations:
        spec = importlib.util.find_spec(f"{module}.__main__")
    assert spec is not None, where
    assert spec.origin is not None, where
    source = Path(spec.origin).read_text("utf-8")
    if module == "pytest":
        assert all(there(path) for path in arguments), where
        return
    assert '__name__ == "__main__"' in source, f"{where}: nothing is run"
    for flag in arguments:
        assert not flag.startswith("-") or f'"{flag}"' in source, where


def _alembic(words: list[str], where: str) -> None:
    assert words in (["upgrade", "head"], ["downgrade"]), where


def _docker(words: list[str], where: str) -> None:
    assert words[0] == "compose", where
    words = words[1:]
    if words[0] == "--env-file":
        assert words[1] in (ROOT / "deploy" / "env.sh").read_text("utf-8"), where
        words = words[2:]
    options = _COMPOSE[words[0]]
    services = set(raw_compose()["services"])
    rest = iter(words[1:])
    for word in rest:
        if word.startswith("-"):
            assert word in options, where
            value = next(rest) if options[word] else ""
            if word == "--scale":
                assert value.partition("=")[0] in services, where
        else:
            assert word in services, f"{where}: compose.yaml has no {word}"
            if words[0] == "exec":
                compare(list(rest), where)


def _kubectl(words: list[str], where: str) -> None:
    if words[0] == "-n":
        assert ("namespace", words[1]) in _resources(), where
        words = words[2:]
    parts = 2 if words[0] == "rollout" else 1
    verb, arguments = words[:parts], words[parts:]
    for flag in (word for word in arguments if word.startswith("--")):
        assert f"\n    {flag.partition('=')[0]}=" in _help(*verb), f"{where}: no such flag: {flag}"
    kinds = {kind for kind, _ in _resources()}
    named = re.findall(rf"\b({'|'.join(kinds)})[ /]([\w-]+)", " ".join(arguments))
    assert set(named) <= _resources(), where
    assert named or verb[0] in {"apply", "kustomize", "get"}, where
    for path in (word for word in arguments if word.startswith("deploy/")):
        assert there(path), where
    for key, value in re.findall(r"-l ([\w./-]+)=([\w-]+)", " ".join(arguments)):
        assert f"{key}: {value}" in _manifests(), where


@cache
def _help(*verb: str) -> str:
    command = [tool("kubectl"), *verb, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our tool
    assert f"kubectl {' '.join(verb)}" in done.stdout, f"kubectl has no {verb}"
    return done.stdout


@cache
def _manifests() -> str:
    return "\n---\n".join(path.read_text("utf-8") for path in sorted(MANIFESTS.rglob("*.yaml")))


@cache
def _resources() -> set[tuple[str, str]]:
    every = [one for one in yaml.safe_load_all(_manifests()) if one and "metadata" in one]
    return {(one["kind"].lower(), one["metadata"]["name"]) for one in every}


def _paths(words: list[str], where: str) -> None:
    paths = [word for word in words if "/" in word or "." in word]
    assert paths, where
    for path in paths:
        assert there(path), f"{where}: there is no {path}"


def _export(words: list[str], where: str) -> None:
    for word in words:
        assignment = _ASSIGNMENT.match(word)
        assert assignment, where
        _check_variable(assignment[1], where)


def _grep(words: list[str], where: str) -> None:
    assert len(words) == 1, f"{where}: it is to look through what is piped to it"


def _found(program: str) -> str:
    path = shutil.which(program)
    assert path, f"{program} is missing"
    return path


_COMPARED: dict[str, Callable[[list[str], str], None]] = {
    "alembic": _alembic,
    "cp": _paths,
    "docker": _docker,
    "export": _export,
    "grep": _grep,
    "kubectl": _kubectl,
    "make": _make,
    "pip": _paths,
    "promtool": _paths,
    "python": _python,
    "uv": _paths,
}
