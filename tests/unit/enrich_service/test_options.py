from __future__ import annotations

import pytest

from enrich_service.options import WorkerOptions, options_from
from enrich_service.storage.request_limit import RequestLimit
from shared.settings import Settings


def test_the_settings_of_a_daemon_reach_its_options() -> None:
    settings = Settings(
        _env_file=None,
        database_url="postgresql:///x",
        enrich_concurrency=7,
        enrich_interval=3,
        drain_seconds=4,
        tmdb_rate_limit=30,
        tmdb_rate_period=5,
        tmdb_rate_margin=0.1,
        session_days=9,
        tmdb_export_base_url="https://mirror.example/",
    )
    assert options_from(settings) == WorkerOptions(
        concurrency=7,
        interval=3,
        drain=4,
        request_limit=RequestLimit(limit=30, period=5, margin=0.1),
        session_days=9,
        export_url="https://mirror.example",
    )


def test_without_settings_the_options_are_the_projects_own() -> None:
    settings = Settings(_env_file=None, database_url="postgresql:///x")
    assert options_from(settings) == WorkerOptions(export_url="https://files.tmdb.org")
    assert WorkerOptions().request_limit == RequestLimit(limit=40, period=10.0, margin=0.2)


@pytest.mark.parametrize(
    ("tmdb", "export", "url"),
    [
        (None, None, "https://files.tmdb.org"),
        ("https://api.themoviedb.org/3", None, "https://files.tmdb.org"),
        ("http://stand-in:8003", None, None),
        ("http://stand-in:8003", "http://stand-in:8003", "http://stand-in:8003"),
        (None, "off", None),
        (None, "https://mirror.example/", "https://mirror.example"),
    ],
)
def test_export_is_tmdbs_own_for_tmdb_alone_unless_an_address_is_set(
    tmdb: str | None, export: str | None, url: str | None
) -> None:
    told = {"tmdb_base_url": tmdb, "tmdb_export_base_url": export}
    settings = Settings.model_validate(
        {"database_url": "postgresql:///x", **{name: it for name, it in told.items() if it}}
    )
    assert options_from(settings).export_url == url


def test_a_worker_is_silent_only_after_missing_more_than_one_heartbeat() -> None:
    options = WorkerOptions()
    assert options.worker_timeout > 2 * options.heartbeat
