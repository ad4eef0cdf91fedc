"""Nothing in the manual is left untried: blocks are run or compared, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pglast
import pytest

from api_service.lists.formats import DECLARED, xml_items
from local_stack.processes import ROOT
from shared.models import DOUBTFUL_BELOW, Channel
from tests.manual.comparing import RUN, compare, is_compared, there
from tests.manual.pages import (
    ANSWERS,
    COMMANDS,
    PAGES,
    SCRIPTS,
    Command,
    all_commands,
    anchors,
    blocks,
    name_of,
    prose,
    read_blocks,
    spans,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.manual.pages import Block

DOCS = ROOT / "docs"
PICTURE = DOCS / "overview.webp"
LARGEST_PICTURE = 150_000
ROOMS = "api_service|enrich_service|shared|migrations|local_stack|benchmarks|tests|deploy|docs"
SQL = {"alter", "create", "drop", "select"}
MANUAL = pytest.mark.parametrize("page", PAGES, ids=name_of)


@MANUAL
def test_every_block_is_of_a_kind_that_is_run_or_compared(page: Path) -> None:
    hold(blocks(page))


def hold(given: Iterable[Block]) -> None:
    """Fail when a block is of no kind that is run or compared, and has no excuse for it."""
    answered = False
    for block in given:
        if block.excuse is not None:
            assert len(block.excuse.split()) > 2, f"{block.where}: that is no reason"
        elif block.language in SCRIPTS:
            compile(block.text, block.where, "exec")
        elif block.language in ANSWERS:
            assert answered, f"{block.where}: no command before it answers this"
        else:
            assert block.language == COMMANDS, f"{block.where}: {block.language} is not held to"
            answered = answered or any(command.is_request for command in block.commands)


@MANUAL
def test_every_command_that_is_not_run_is_compared_with_what_it_speaks_of(page: Path) -> None:
    for block in blocks(page):
        for command in block.commands:
            run = command.is_request or command.is_of_database
            assert run or not command.programs & RUN, f"{command.where}: nobody runs {command.text}"
            for words in command.stages:
                compare(words, command.where)


@MANUAL
def test_every_command_within_a_sentence_is_compared_too(page: Path) -> None:
    for span in spans(page):
        command = Command(span, name_of(page))
        first, *others = _words(span)
        if first.lower() in SQL and others:
            pglast.parse_sql(span.replace("…", "x"))
        elif others and (is_compared(first) or re.fullmatch(r"[A-Z_]+=.*", first)):
            compare(command.stages[0], command.where)
        else:
            assert first not in RUN or not others, f"{command.where}: {span} belongs into a block"
        assert not _is_json(span), f"{command.where}: {span} belongs into a block"


@MANUAL
def test_every_path_within_a_sentence_is_there(page: Path) -> None:
    for span in spans(page):
        if re.fullmatch(rf"(?:{ROOMS}|\.ci)/[\w./-]*", span) or re.fullmatch(r"[\w/]+\.py", span):
            assert there(span) or list(ROOT.glob(f"*_service/{span}")), f"{name_of(page)}: {span}"
        elif re.fullmatch(r"test_\w+", span):
            assert list((ROOT / "tests").rglob(f"{span}.py")), f"{name_of(page)}: {span}"


@MANUAL
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), f"{name_of(page)}: {target}"
        if anchor:
            assert anchor in anchors(aim), f"{name_of(page)}: {target}"


def test_every_page_is_in_the_index_that_it_belongs_to() -> None:
    for folder in (DOCS, DOCS / "decisions"):
        index = (folder / "README.md").read_text("utf-8")
        pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
        assert [name for name in pages if f"({name})" not in index] == []


def test_the_picture_of_the_readme_is_small() -> None:
    assert "](docs/overview.webp)" in (ROOT / "README.md").read_text("utf-8")
    picture = PICTURE.read_bytes()
    assert picture[8:12] == b"WEBP"
    assert len(picture) <= LARGEST_PICTURE


def test_what_the_guide_says_in_quotes_stands_on_the_page() -> None:
    files = list((ROOT / "api_service" / "web").rglob("*.*s"))
    page = "".join(path.read_text("utf-8") for path in files)
    labels = re.findall(r"“([^”]+)”", (DOCS / "user-guide.md").read_text("utf-8"))
    assert len(labels) > 20
    assert [label for label in labels if re.sub(r"\s+", " ", label) not in page] == []


def test_the_forms_of_lists_are_those_that_are_told_apart() -> None:
    code = "".join(
        path.read_text("utf-8") for path in (ROOT / "api_service" / "lists").rglob("*.py")
    )
    table = re.search(
        r"\| `format` \|.*\n\|[-|]+\n((?:\|.*\n)+)", (DOCS / "user-guide.md").read_text("utf-8")
    )
    assert table
    told = set()
    for row in table[1].splitlines():
        whole, *_ = names = re.findall(r"`(\w+)`", row.split("|")[1])
        source = whole.partition("_")[0]
        told |= {source + name if name.startswith("_") else name for name in names}
    written = set(re.findall(r'"((?:letterboxd|trakt|movielens)_[a-z]+)"', code))
    assert written
    assert written - told == set()
    declared = {declared.name for declared in DECLARED}
    assert declared - told == set()
    made = {"imdb": "IMDB", "tmdb": "TMDB"}
    others = told - written - declared
    assert {name for name in others if name.partition("_")[0] not in made} == {
        *({known.name for known in xml_items.FORMATS} - {"letterboxd_feed"} - declared),
        "plex_watchlist",
        "kinopoisk",
        "netflix",
        "csv",
        "titles",
    }
    for source in made:
        assert f'f"{source}_{{kind.name.lower()}}"' in code


def test_numbers_and_names_that_the_pages_repeat_are_those_of_the_code() -> None:
    assert f"a confidence below {DOUBTFUL_BELOW}" in (DOCS / "api.md").read_text("utf-8")
    (drawing,) = [block for block in blocks(DOCS / "architecture.md") if block.excuse]
    for name in (*re.findall(r"NOTIFY (\w+)", drawing.text),):
        assert name in set(Channel)
    for name in ("api_service", "enrich_service"):
        assert name in drawing.text


@pytest.mark.parametrize(
    "line",
    [
        "wget http://127.0.0.1:8000/health",
        "make everything",
        "make test && rm -r /",
        "python -m benchmarks.nothing",
        "python -m benchmarks --nothing",
        "python -m shared",
        "alembic upgrade heads",
        "docker compose up --detach worker",
        "docker compose up --scale worker=3",
        "docker compose exec -T db wget x",
        "docker compose up --detached",
        "docker compose restart enrich",
        "docker run projectionist",
        "kubectl -n projectionist delete job projectionist-migration",
        "kubectl -n projectionists get pods",
        "kubectl -n projectionist rollout undo deployment/projectionist-worker",
        "kubectl -n projectionist wait --until=complete job/projectionist-migrate",
        "kubectl kustomize deploy/kubernetes/prod",
        "promtool test rules deploy/prometheus/alert_test.yml",
        "export DATABASE_URI=postgresql://…",
        "TMDB_KEY=x make run",
        "cp -r deploy/kubernetes/sample deploy/kubernetes/production",
    ],
)
def test_a_command_that_speaks_of_what_is_not_there_is_found(line: str) -> None:
    (words,) = Command(line, "here").stages
    with pytest.raises((AssertionError, KeyError)):
        compare(words, "here")


@pytest.mark.parametrize(
    "text",
    [
        "```yaml\nservices: {}\n```\n",
        "```\n",
        '```json\n{"status": "ok"}\n```\n',
        "```\nmake run\n```\n\n```json\n{}\n```\n",
        "<!-- not run: no -->\n```text\nabc\n```\n",
        "<!-- not run: a drawing of all parts -->\n\nBetween.\n\n```text\nabc\n```\n",
    ],
)
def test_a_block_that_is_neither_run_nor_compared_is_found(text: str) -> None:
    with pytest.raises(AssertionError):
        hold(read_blocks(DOCS / "page.md", text))


def test_commands_are_read_as_a_shell_reads_them() -> None:
    command = Command("printf 'a|b' | curl -d @- 'http://x/?a=1&b=2' > out.json  # told", "here")
    assert command.stages == [["printf", "a|b"], ["curl", "-d", "@-", "http://x/?a=1&b=2"]]
    assert command.is_request
    dump = Command("docker compose exec -T db pg_dump --format=custom x > x.dump", "here")
    assert dump.programs == {"pg_dump"}
    assert dump.is_of_database
    assert Command("docker compose exec db psql", "here").programs == {"psql"}
    assert len(all_commands()) > 80


def _words(span: str) -> list[str]:
    try:
        return shlex.split(span) or [""]
    except ValueError:  # a lone quotation mark
        return span.split()


def _is_json(span: str) -> bool:
    try:
        return bool(json.loads(span)) and span[0] in "{["
    except ValueError:
        return False
