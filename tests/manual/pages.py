"""The manual as tests read it: pages, their blocks, their commands, and the code in sentences."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from local_stack.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
COMMANDS = ""
"""The language of a block of commands: none is named."""
ANSWERS = {"json", "sse", "csv"}
"""Languages of blocks that are what the command before them answers."""
BACKUP = "deploy/backup.sh"
DATABASE_TOOLS = {BACKUP, "pg_dump", "pg_restore", "psql", "createdb", "dropdb"}
SCRIPTS = {"python"}
"""Languages of blocks that are whole programs, and run as such."""
_EXCUSE = re.compile(r"<!-- not run: (.+) -->")
_FENCE = re.compile(r"^```(\w*)$")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page, as somebody types it."""

    text: str
    where: str

    @property
    def stages(self) -> list[list[str]]:
        """The words of each program in its pipe, without comments and redirections."""
        words = shlex.shlex(self.text, posix=True, punctuation_chars="|<>")
        words.whitespace_split = True
        stages: list[list[str]] = [[]]
        for word in words:
            if word == "|":
                stages.append([])
            elif word in {"<", ">"}:
                next(words)
            else:
                stages[-1].append(word)
        return stages

    @property
    def programs(self) -> set[str]:
        """The programs that it runs, in a container too."""
        return {words[0] for words in map(inner, self.stages) if words}

    @property
    def is_request(self) -> bool:
        """Whether it asks a service."""
        return "curl" in self.programs

    @property
    def is_of_database(self) -> bool:
        """Whether it runs a tool of PostgreSQL's."""
        return bool(self.programs & DATABASE_TOOLS)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it stands, below which heading, and why it need not be held to."""

    page: Path
    line: int
    heading: str
    language: str
    text: str
    excuse: str | None

    @property
    def where(self) -> str:
        """Page and line."""
        return f"{name_of(self.page)}:{self.line}"

    @property
    def commands(self) -> list[Command]:
        """What is typed in it, line by line; a backslash continues a line."""
        if self.language != COMMANDS or self.excuse:
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [Command(line, self.where) for line in lines if shlex.split(line, comments=True)]


def inner(words: list[str]) -> list[str]:
    """A command without its assignments, and without the container that it is run in."""
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words[:3] == ["docker", "compose", "exec"]:
        inside = [word for word in words[3:5] if word != "-T"]
        return words[3 + (words[3] == "-T") + len(inside[:1]) :]
    return words


def name_of(page: Path) -> str:
    """Its path from the project's folder."""
    return page.relative_to(ROOT).as_posix()


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """The blocks of a page, in order."""
    return tuple(read_blocks(page, page.read_text("utf-8")))


def read_blocks(page: Path, text: str) -> Iterator[Block]:
    """The blocks of a page with this text."""
    language: str | None = None
    heading, before, inside, start = "", "", [""], 0
    for number, line in enumerate(text.splitlines(), 1):
        if language is None:
            fence = _FENCE.match(line)
            if fence:
                language, inside, start = fence[1], [], number
            else:
                heading = line.lstrip("# ") if line.startswith("#") else heading
                before = line if line.strip() else before
        elif line == "```":
            excuse = _EXCUSE.fullmatch(before)
            reason = excuse[1] if excuse else None
            yield Block(page, start, heading, language, "\n".join(inside), reason)
            language, before = None, ""
        else:
            inside.append(line)
    assert language is None, f"{name_of(page)}: a block is not closed"


def all_commands() -> list[tuple[Block, Command]]:
    """Every command of every page."""
    return [
        (block, command) for page in PAGES for block in blocks(page) for command in block.commands
    ]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def spans(page: Path) -> list[str]:
    """The code within its sentences; a span may go over a line's end."""
    return [re.sub(r"\s+", " ", found).strip() for found in _SPAN.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """What the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
