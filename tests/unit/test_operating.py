"""The operators' page names every event and every alert that there is, and no other."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
import yaml

from local_stack.processes import ROOT
from tests.manual.pages import anchors

LEVELS = {"debug", "info", "warning", "error", "exception"}
PROMETHEUS = ROOT / "deploy" / "prometheus"
PROMTOOL = shutil.which("promtool")
RUNBOOK_URL = "{{ $externalLabels.projectionist_docs }}/operating.md#alerts"
SERVICES = ("api_service", "enrich_service", "shared")


def test_the_events_on_the_page_are_those_of_the_code() -> None:
    logged = {
        name
        for service in SERVICES
        for path in (ROOT / service).rglob("*.py")
        for name in _events(ast.parse(path.read_text("utf-8")))
    }
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    told = {
        name
        for table in re.findall(r"^\| event \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert len(logged) > 40
    assert logged - told == set(), "logged and not on the page"
    assert told - logged == set(), "on the page and never logged"


def test_a_changed_setting_is_never_said_to_need_a_restart() -> None:
    """A container that is restarted keeps the environment that it was made with."""
    for page in (ROOT / "docs").glob("*.md"):
        for line in page.read_text("utf-8").splitlines():
            if re.search(r"`[A-Z]+_[A-Z_]+`", line):
                assert not re.search(r"\brestart\b", line), f"{page.name}: {line}"


def test_every_alert_has_its_line_in_the_runbook() -> None:
    rules = [
        rule
        for group in yaml.safe_load(_deployed("alerts.yml"))["groups"]
        for rule in group["rules"]
    ]
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    table = page.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", table, re.MULTILINE)
    assert sorted(name for name, _, _ in lines) == sorted(rule["alert"] for rule in rules)
    assert all(meaning.strip() and advice.strip() for _, meaning, advice in lines)
    for rule in rules:
        assert rule["annotations"]["runbook_url"] == RUNBOOK_URL
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_runbook_of_an_alert_has_an_address_that_opens() -> None:
    """The installation says where the manual is; the page and its anchor are ours."""
    config = yaml.safe_load(_deployed("prometheus.yml"))
    address = config["global"]["external_labels"]["projectionist_docs"]
    template, _, page = RUNBOOK_URL.partition("}}")
    assert template == "{{ $externalLabels.projectionist_docs "
    whole = urlsplit(address + page)
    assert (whole.scheme, bool(whole.hostname)) == ("https", True)
    assert address.endswith("/docs")
    path, anchor = page.split("#")
    assert anchor in anchors(ROOT / "docs" / path.strip("/"))
    assert config["alerting"]["alert_relabel_configs"] == [
        {"action": "labeldrop", "regex": "projectionist_docs"}
    ]


def test_each_target_says_which_installation_it_is_of() -> None:
    for job in yaml.safe_load(_deployed("prometheus.yml"))["scrape_configs"]:
        assert all("namespace" in target["labels"] for target in job["static_configs"])


def test_every_alert_is_tried_by_a_test_of_its_rule() -> None:
    alerts = set(re.findall(r"alert: (\w+)", _deployed("alerts.yml")))
    tried = {
        case["alertname"]
        for test in yaml.safe_load(_deployed("alerts_test.yml"))["tests"]
        for case in test.get("alert_rule_test", ())
        if case["exp_alerts"]
    }
    assert tried == alerts


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's prometheus, is not installed")
def test_the_example_of_scraping_is_taken_by_prometheus() -> None:
    assert PROMTOOL
    tried = subprocess.run(  # noqa: S603  # a program of the system over our own file
        [PROMTOOL, "check", "config", "prometheus.yml"],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's prometheus, is not installed")
def test_the_alert_rules_fire_when_they_should() -> None:
    assert PROMTOOL
    tried = subprocess.run(  # noqa: S603  # a program of the system over our own file
        [PROMTOOL, "test", "rules", "alerts_test.yml"],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


def _deployed(name: str) -> str:
    return (PROMETHEUS / name).read_text("utf-8")


def _events(code: ast.Module) -> set[str]:
    calls = [
        node
        for node in ast.walk(code)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ]
    return {name for call in calls for name in _names(call.args[0], code)}


def _names(argument: ast.expr, code: ast.Module) -> set[str]:
    """What an event is called: written there, or in what is assigned to the variable there."""
    if isinstance(argument, ast.Name):
        values = [
            part
            for node in ast.walk(code)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == argument.id
            for part in (
                (node.value.body, node.value.orelse)
                if isinstance(node.value, ast.IfExp)
                else (node.value,)
            )
        ]
        assert values, ast.unparse(argument)
    else:
        values = [argument]
    return {ast.literal_eval(value) for value in values}
