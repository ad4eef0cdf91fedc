"""The locks agree with each other, and every line that installs one installs just that."""

from __future__ import annotations

import re
from collections import Counter

from local_stack.processes import ROOT
from tests.installation.locks import HASH, LOCKS, pins
from tests.manual.pages import PAGES

MANUAL = [page for page in PAGES if page.parent.name != "decisions"]
INSTALLING = (ROOT / "Makefile", ROOT / "Dockerfile", ROOT / ".ci" / "run", *MANUAL)
RUNTIME, TRACING, RUN, DEVELOPMENT = (
    ROOT / f"requirements{name}.txt" for name in ("", "-tracing", "-run", "-dev")
)


def test_each_lock_holds_names_versions_and_hashes_alone() -> None:
    """No address: where packages come from is a matter of the machine."""
    requirement = r"[a-z0-9-]+==[\w.]+(?: ; [\w'\"=!<>. ]+)?"
    for lock in LOCKS:
        assert re.fullmatch(rf"(?:{requirement}(?:{HASH})+\n)+", lock.read_text("utf-8")), lock.name


def test_each_lock_has_all_of_those_that_it_builds_on() -> None:
    for smaller, larger in (
        (RUNTIME, TRACING),
        (RUNTIME, RUN),
        (TRACING, DEVELOPMENT),
        (RUN, DEVELOPMENT),
    ):
        assert pins(smaller).items() <= pins(larger).items(), larger.name
    assert {lock.name for lock in LOCKS} == {
        *(lock.name for lock in (RUNTIME, TRACING, RUN, DEVELOPMENT)),
        "requirements-contract.txt",
        "requirements-uv.txt",
    }


def installing_lines() -> list[str]:
    """Each command that has pip or uv install something, wherever it stands."""
    found = []
    for file in INSTALLING:
        text = file.read_text("utf-8").replace("\\\n", " ")
        if file.suffix == ".md":
            text = re.sub(r"(?<!\n)\n(?!\n)", " ", text)
        command = r"pip (?:--python \S+ )?(?:install|sync)\b[^\n;&`#]*"
        found += [f"{file.name}: {line}" for line in re.findall(command, text)]
    return found


def test_every_line_that_installs_resolves_nothing() -> None:
    lines = installing_lines()
    files = Counter(line.partition(":")[0] for line in lines)
    assert files == {"Makefile": 3, "Dockerfile": 3, "operating.md": 1}
    for line in lines:
        of_a_lock = "--require-hashes" in line and re.search(r"--no-deps|pip sync", line)
        of_ours = re.search(r"--(offline|no-index) --no-deps|--no-deps --no-index", line)
        assert of_a_lock or of_ours, line
