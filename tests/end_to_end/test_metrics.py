"""What both services tell Prometheus, as processes: by its rules, bounded, and all that is asked.

After traffic of every kind, odd methods and paths that nobody has thought of included.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml

from api_service.metrics import REFUSALS
from api_service.openapi.routes import ROUTES
from local_stack.processes import ROOT
from shared.models import Outcome, TMDBState
from tests.support.databases import create_database
from tests.support.film_lists import plain_films, title_list
from tests.support.prometheus_text import (
    PREFIX,
    Exposition,
    naming_violations,
    scrape,
    unknown_label_values,
)
from tests.support.stack_driver import running
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from local_stack.postgres import EmbeddedPostgres
    from tests.support.stack_driver import Driver

VOCABULARY: dict[str, set[str]] = {
    "method": {"GET", "HEAD", "POST", "PUT", "DELETE", "other"},
    "route": {route.template for route in ROUTES}
    | {"unmatched"}
    | {"search_movie", "search_tv", "movie_details", "find_by_imdb_id", "configuration"},
    "status": {str(code) for code in (*range(200, 206), *range(400, 432), *range(500, 505))}
    | {"304", "cancelled", "timeout", "connection", "reset", "foreign", "malformed", "other"},
    "kind": {"waiting", "background", "in_flight"},
    "outcome": set(Outcome),
    "state": {"in_use", "idle", "reserved", "free", "used", *TMDBState},
    "code": {error.code for error in REFUSALS}
    | {"unreadable_list", "upload_too_costly", "parsers_busy", "parser_crashed"},
    "cause": {"film", "tmdb", "key"},
    "result": {"confirmed", "unsettled", "loaded", "missing", "failed"},
    "phase": {"receive", "read", "store"},
    "size": {"small", "large"},
    "version": {version("projectionist")},
}
MOST_SERIES = 2_000
EVENTS = "/api/session/{session_id}/events"
OF_PROMETHEUS = {"up", "ALERTS"}
DASHBOARD = ROOT / "deploy" / "grafana" / "projectionist.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
_SELECTOR = re.compile(r"\b((?:projectionist|process|python)_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|ignoring|on) \(([^)]*)\)")
_OF_THE_SCRAPE = {"job", "instance", "namespace"}
_OF_AN_INSTALLATION = 'namespace=~"$namespace"'


@dataclass(frozen=True, slots=True)
class Scraped:
    """Both services under traffic, and what they told after the first of it."""

    driver: Driver
    api: Exposition
    daemon: Exposition

    @property
    def names(self) -> set[str]:
        return self.api.names | self.daemon.names

    def labels(self, name: str) -> set[str]:
        return {label for label, _ in self.api.labels(name) | self.daemon.labels(name)}


async def api_tells(driver: Driver) -> Exposition:
    return await scrape(driver.http, f"{driver.stack.api_url}/metrics")


async def daemon_tells(driver: Driver) -> Exposition:
    return await scrape(driver.http, f"{driver.stack.workers[0].url}/metrics")


async def make_traffic(driver: Driver) -> None:
    """Requests of every kind, with made-up paths, methods, ids and headers, and trouble at TMDB."""
    await driver.go_wrong(
        *(
            {"match": "/3/search/movie", "kind": kind, "times": 1, **more}
            for kind, more in (
                ("reset", {}),
                ("garbage", {}),
                ("status", {"status": 503}),
                ("status", {"status": 429}),
                ("status", {"status": 418}),
            )
        )
    )
    unknown = f"No Film {uuid4().hex}"
    films = title_list(plain_films(5)) + f"{unknown},1987\r\n".encode()
    answer = await driver.post_list(films, X_Request_ID=uuid4().hex)
    session = f"/api/session/{answer.body['session_id']}"
    await driver.completed(answer.body["session_id"])
    for method, path in _requests(session):
        body = b"\0" if method in {"POST", "PUT"} else None
        async with driver.http.request(method, driver.stack.api_url + path, data=body) as response:
            assert response.status < 500, (method, path, response.status)
            if response.content_type != "text/event-stream":
                await response.read()
    for path in ("/livez", "/readyz", "/worker/status", f"/{uuid4().hex}"):
        async with driver.http.get(driver.stack.workers[0].url + path) as response:
            await response.read()

    async def nobody_looks_on() -> bool:
        return (await api_tells(driver)).value("projectionist_event_streams") == 0

    await until(nobody_looks_on)


def _requests(session: str) -> Iterator[tuple[str, str]]:
    """What is asked of the API: each route, on what is there and on what is made up."""
    for route in ROUTES:
        path = re.sub(r"\{position[^}]*\}", "1", route.path.replace("{path:.+}", "api.js"))
        there = path.replace("/api/session/{session_id}", session)
        for its in (there, path.replace("{session_id}", str(uuid4()))):
            path = its.replace("{session_id}", "x")
            yield route.method, f"{path}?{uuid4().hex}=1"
            if route.method == "GET" and not path.endswith("/events"):
                yield "HEAD", path
                yield "PURGE", path
    for number in range(20):
        yield "GET", f"/{uuid4().hex}/{number}"
        yield "OPTIONS", f"/api/session/{uuid4()}/{uuid4().hex}"


@pytest.fixture(scope="module")
async def scraped(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scraped]:
    dsn = await create_database(postgres, template=template)
    async with running(dsn, tmp_path_factory.mktemp("metrics")) as driver:
        await make_traffic(driver)
        yield Scraped(driver, await api_tells(driver), await daemon_tells(driver))


def test_names_and_types_follow_the_rules(scraped: Scraped) -> None:
    assert naming_violations(scraped.api) == []
    assert naming_violations(scraped.daemon) == []


def test_what_is_asked_for_is_told(scraped: Scraped) -> None:
    for name in (
        *("http_requests_total", "http_request_duration_seconds_bucket"),
        *("upload_size_bytes_sum", "upload_duration_seconds_sum", "event_streams"),
        *("requests_refused_total", "uploads_open", "uploads_waiting", "upload_room_bytes"),
        *("temporary_disk_bytes",),
        *("queue_lookups", "queue_oldest_wait_seconds", "budget_used_requests", "fleet_workers"),
        *("database_up", "database_connections", "listener_reconnects_total", "build_info"),
    ):
        assert scraped.api.has(PREFIX + name), name
    for name in (
        *("lookups_total", "tmdb_requests_total", "tmdb_request_duration_seconds_bucket"),
        *("budget_wait_seconds_bucket", "film_retries_total", "worker_tmdb_state"),
        *("tick_lag_seconds", "database_connections", "listener_connected", "build_info"),
    ):
        assert scraped.daemon.has(PREFIX + name), name
    for exposition in (scraped.api, scraped.daemon):
        assert exposition.value("process_resident_memory_bytes") > 0


def test_every_label_is_of_a_known_vocabulary(scraped: Scraped) -> None:
    assert unknown_label_values(scraped.api, VOCABULARY) == []
    assert unknown_label_values(scraped.daemon, VOCABULARY) == []
    templates = {value for name, value in scraped.api.labels(f"{PREFIX}http_requests_total")}
    assert {"unmatched", "other", "/api/session/{session_id}/status"} <= templates


async def test_more_traffic_makes_no_more_series(scraped: Scraped) -> None:
    before = scraped.api.value(f"{PREFIX}http_requests_total")
    await make_traffic(scraped.driver)
    api, daemon = await api_tells(scraped.driver), await daemon_tells(scraped.driver)
    assert api.value(f"{PREFIX}http_requests_total") >= 2 * before - 20
    # Of who leaves a stream either the one or the other is noticed first.
    either = {("route", EVENTS), ("method", "GET")}
    new = {series for series in api.series - scraped.api.series if not either <= series[1]}
    assert new == set()
    assert unknown_label_values(daemon, VOCABULARY) == []
    assert len(api.series) < MOST_SERIES
    assert len(daemon.series) < MOST_SERIES


def _expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(shown) > 20
    rules = [rule["expr"] for group in _alerts()["groups"] for rule in group["rules"]]
    assert len(rules) > 10
    return shown + rules


def _alerts() -> Any:  # noqa: ANN401  # what YAML holds
    return yaml.safe_load(ALERTS.read_text("utf-8"))


def test_every_metric_that_the_dashboard_and_the_alerts_name_is_told(scraped: Scraped) -> None:
    named = {name for text in _expressions() for name, _ in _SELECTOR.findall(text)}
    assert named - scraped.names == set()


def test_every_label_that_they_name_is_there_with_its_value(scraped: Scraped) -> None:
    for text in _expressions():
        selectors = _SELECTOR.findall(text)
        for name, matchers in selectors:
            for label, value in _MATCHER.findall(matchers):
                assert label in scraped.labels(name) | _OF_THE_SCRAPE, (text, label)
                if label in {"state", "kind"} and value.isidentifier():
                    there = scraped.api.labels(name) | scraped.daemon.labels(name)
                    assert (label, value) in there, (text, label, value)
        grouped = {part for group in _GROUPING.findall(text) for part in group.split(", ") if part}
        known = {label for name, _ in selectors for label in scraped.labels(name)}
        assert grouped <= known | _OF_THE_SCRAPE, text


def test_the_dashboard_shows_one_installation_at_a_time() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [variable["name"] for variable in dashboard["templating"]["list"]]
    assert asked == ["datasource", "namespace"]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            for name, matchers in _SELECTOR.findall(target["expr"]):
                assert _OF_AN_INSTALLATION in matchers, (panel["title"], name)


def test_no_alert_takes_two_installations_for_one() -> None:
    """Each aggregation keeps the label that tells them apart."""
    for group in _alerts()["groups"]:
        for rule in group["rules"]:
            aggregations = re.findall(
                r"\b(?:sum|max|min|count|avg)\b(?! (?:by|without))", rule["expr"]
            )
            assert aggregations == [], rule["alert"]
            for labels in re.findall(r"\bby \(([^)]*)\)", rule["expr"]):
                assert "namespace" in labels.split(", "), rule["alert"]


def test_every_metric_of_ours_that_tells_of_trouble_is_shown_somewhere(scraped: Scraped) -> None:
    named = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for text in _expressions()
        for name, _ in _SELECTOR.findall(text)
    }
    ours = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in scraped.names
        if name.startswith(PREFIX)
    }
    assert ours - named <= {f"{PREFIX}worker_running"}
