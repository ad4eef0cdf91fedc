"""The page on Kubernetes speaks of the database's roles as the code and roles.sql do."""

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


def test_the_roles_are_those_that_get_rights() -> None:
    rows = re.findall(r"^\| `(projectionist_\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [OWNER, API, DAEMON]
    sql = (ROOT / "deploy" / "postgres" / "roles.sql").read_text("utf-8")
    for role in rows:
        assert f"'{role}'" in sql
        assert f"psql projectionist -c '\\password {role}'" in COMMANDS
