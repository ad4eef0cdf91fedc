"""The page on Kubernetes speaks of files and things that are there."""

from __future__ import annotations

import re

from local_stack.processes import ROOT
from migrations.grants import API, DAEMON, OWNER

PAGE = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def test_the_files_of_its_commands_are_there() -> None:
    named = {path for line in COMMANDS for path in re.findall(r"deploy/[\w./-]+", line)}
    assert len(named) > 4
    for path in named:
        assert (ROOT / path.replace("/production", "/example")).exists() or (
            path.endswith("/production/secrets")
        ), path


def test_the_resources_of_its_commands_are_those_of_the_manifests() -> None:
    manifests = "".join(
        path.read_text("utf-8") for path in (ROOT / "deploy" / "kubernetes").rglob("*.yaml")
    )
    there = {
        f"{kind.lower()}/{name}"
        for kind, name in re.findall(
            r"^kind: (\w+)\nmetadata:\n  name: ([\w-]+)", manifests, re.MULTILINE
        )
    }
    named = {
        name
        for line in COMMANDS
        for name in re.findall(r"\b(?:job|deployment|service)/[\w-]+", line)
    }
    assert len(named) == 4
    assert named <= there
    for line in COMMANDS:
        if line.startswith("kubectl -n"):
            assert line.startswith("kubectl -n projectionist "), line


def test_the_roles_are_those_that_get_rights() -> None:
    rows = re.findall(r"^\| `(projectionist_\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [OWNER, API, DAEMON]
    sql = (ROOT / "deploy" / "postgres" / "roles.sql").read_text("utf-8")
    for role in rows:
        assert f"'{role}'" in sql
        assert f"psql projectionist -c '\\password {role}'" in COMMANDS
