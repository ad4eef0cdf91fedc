from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from shared.settings import (
    MOST_SAMPLE_BYTES,
    MOST_SAMPLE_FILES,
    Settings,
    SettingsError,
    read_settings,
    split_list,
)

if TYPE_CHECKING:
    from pathlib import Path

V3_KEY = "0123456789abcdef0123456789ABCDEF"
V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl-_"  # made up
SECRET = "hunter2-hunter2"  # made up
ADMIN_TOKEN = "hunter2-for-operators"  # made up


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment and a folder in which nothing is set but the database's address."""
    for name in os.environ:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://user:{SECRET}@host/base")
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_defaults_are_those_of_the_readme() -> None:
    settings = read_settings()
    assert settings.tmdb_base_url == "https://api.themoviedb.org"
    assert (settings.tmdb_rate_limit, settings.tmdb_rate_period) == (40, 10)
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8000)
    assert (settings.worker_host, settings.worker_port) == ("127.0.0.1", 8001)
    assert (settings.upload_max_bytes, settings.upload_max_movies) == (52_428_800, 200_000)
    assert (settings.tmdb_api_key, settings.admin_token) == (None, None)


def test_a_missing_database_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TMDB_API_KEY", SECRET),
        ("TMDB_EXPORT_BASE_URL", SECRET),
        ("TMDB_API_KEY", V3_KEY[:-1]),
        ("TMDB_API_KEY", V3_KEY + "0"),
        ("TMDB_BASE_URL", SECRET),
        ("SAMPLE_LIST", f"/nowhere/{SECRET}"),
        ("TRUSTED_PROXIES", SECRET),
        ("TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/33"),
        ("TRUSTED_PROXIES", "*"),
        ("UPLOAD_TOKENS", SECRET),
        ("UPLOAD_TOKENS", f"{'0' * 64},{'0' * 63}"),
        ("UPLOAD_DISK_BYTES", str(4 * 52_428_800 - 1)),
        ("UPLOAD_SECONDS", "0"),
        ("CLIENT_UPLOADS", "-1"),
        ("MAX_SESSIONS", "many"),
        ("TMDB_BASE_URL", f"ftp://{SECRET}"),
        ("TMDB_IMAGE_BASE_URL", "https://"),
        ("TMDB_RATE_LIMIT", "0"),
        ("TMDB_RATE_LIMIT", "-1"),
        ("TMDB_RATE_LIMIT", "many-hunter2"),
        ("TMDB_RATE_LIMIT", "10001"),
        ("TMDB_RATE_PERIOD", "0"),
        ("TMDB_RATE_PERIOD", "inf"),
        ("TMDB_RATE_PERIOD", "1e300"),
        ("TMDB_RATE_MARGIN", "0.001"),
        ("TMDB_RATE_MARGIN", "inf"),
        ("TMDB_RATE_MARGIN", "nan"),
        ("TMDB_RATE_MARGIN", "10"),
        ("ENRICH_INTERVAL", "0"),
        ("ENRICH_INTERVAL", "inf"),
        ("ENRICH_CONCURRENCY", "2.5"),
        ("ENRICH_CONCURRENCY", "1000000"),
        ("DRAIN_SECONDS", "inf"),
        ("DRAIN_SECONDS", "soon-hunter2"),
        ("API_PORT", "65536"),
        ("WORKER_PORT", "-1"),
        ("UPLOAD_MAX_BYTES", "0"),
        ("SESSION_DAYS", "0"),
        ("SESSION_DAYS", "9999999"),
        ("API_HOST", " "),
        ("WORKER_HOST", " "),
        ("ADMIN_TOKEN", "hunter2"),
        ("ADMIN_TOKEN", " hunter2         "),
        ("ADMIN_TOKEN", "hunter2-hunter2-ü"),
        ("LOG_LEVEL", "LOUD-hunter2"),
        ("LOG_FORMAT", "xml-hunter2"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_never_shown(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    said = str(caught.value)
    assert f"  {name}: " in said
    assert "hunter2" not in said
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "the context holds the values"


def test_every_wrong_setting_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("API_PORT", "no")
    environment.setenv("TMDB_API_KEY", "no")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert [line.partition(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "TMDB_API_KEY",
        "API_PORT",
    ]


@pytest.mark.parametrize("key", [V3_KEY, V4_TOKEN, f"  {V3_KEY}\n", f" {V4_TOKEN} "])
def test_both_shapes_of_a_key_are_taken(environment: pytest.MonkeyPatch, key: str) -> None:
    environment.setenv("TMDB_API_KEY", key)
    taken = read_settings().tmdb_api_key
    assert taken is not None
    assert taken.get_secret_value() == key.strip()


@pytest.mark.parametrize("name", ["TMDB_API_KEY", "ADMIN_TOKEN", "LISTEN_DATABASE_URL"])
def test_a_blank_secret_is_an_unset_one(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "")
    assert getattr(read_settings(), name.lower()) is None


@pytest.mark.parametrize("name", ["API_HOST", "WORKER_HOST", "API_PORT", "SESSION_DAYS"])
def test_a_blank_setting_has_its_default(environment: pytest.MonkeyPatch, name: str) -> None:
    """A blank host in particular would listen on all addresses."""
    environment.setenv(name, "")
    assert getattr(read_settings(), name.lower()) == Settings.model_fields[name.lower()].default


def test_a_token_loses_the_spaces_that_no_header_keeps(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ADMIN_TOKEN", f" {ADMIN_TOKEN}\n")
    token = read_settings().admin_token
    assert token is not None
    assert token.get_secret_value() == ADMIN_TOKEN


def test_a_short_period_needs_a_shorter_margin(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TMDB_RATE_PERIOD", "0.1")
    with pytest.raises(SettingsError, match=r"TMDB_RATE_MARGIN: .* less than TMDB_RATE_PERIOD"):
        read_settings()
    environment.setenv("TMDB_RATE_MARGIN", "0.05")
    assert read_settings().tmdb_rate_margin == 0.05


@pytest.mark.parametrize(
    ("files", "size"), [(1, MOST_SAMPLE_BYTES + 1), (MOST_SAMPLE_FILES + 1, 0)]
)
def test_sample_list_beyond_its_bounds_is_refused(
    environment: pytest.MonkeyPatch, tmp_path: Path, files: int, size: int
) -> None:
    sample = tmp_path / "sample" / "lists"
    sample.mkdir(parents=True)
    environment.setenv("SAMPLE_LIST", str(sample.parent))
    assert read_settings().sample_list == sample.parent
    for number in range(files):
        (sample / f"{number}.csv").write_bytes(bytes(size))
    with pytest.raises(SettingsError, match=r"SAMPLE_LIST: .* at most 1,000 files and .* 5 MB"):
        read_settings()


def test_addresses_lose_their_last_slash(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TMDB_BASE_URL", "http://127.0.0.1:9000/")
    environment.setenv("TMDB_IMAGE_BASE_URL", "https://images.test/t/p//")
    settings = read_settings()
    assert settings.tmdb_base_url == "http://127.0.0.1:9000"
    assert settings.tmdb_image_base_url == "https://images.test/t/p"


def test_a_dotenv_file_is_read_and_the_environment_overrules_it(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("API_PORT=1234\nWORKER_PORT=1235\nSOMETHING_ELSE=1\n")
    environment.setenv("WORKER_PORT", "4321")
    settings = read_settings()
    assert (settings.api_port, settings.worker_port) == (1234, 4321)


def test_no_representation_shows_a_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TMDB_API_KEY", V3_KEY)
    environment.setenv("ADMIN_TOKEN", ADMIN_TOKEN)
    environment.setenv("LISTEN_DATABASE_URL", f"postgresql://u:{SECRET}@h/b")
    settings = read_settings()
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown
        assert ADMIN_TOKEN not in shown
        assert V3_KEY not in shown


def test_digest_of_an_empty_token_is_refused(environment: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"").hexdigest()
    for given in (digest, f"{'a' * 64},{digest.upper()}"):
        environment.setenv("UPLOAD_TOKENS", given)
        with pytest.raises(SettingsError, match="UPLOAD_TOKENS"):
            read_settings()


def test_lists_of_proxies_and_tokens_may_have_spaces(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TRUSTED_PROXIES", "10.0.0.0/8, ::1 ,192.0.2.1,")
    environment.setenv("UPLOAD_TOKENS", f" {'a' * 64} , {'B' * 64}")
    settings = read_settings()
    assert split_list(settings.trusted_proxies) == ["10.0.0.0/8", "::1", "192.0.2.1"]
    assert split_list(settings.upload_tokens) == ["a" * 64, "B" * 64]
    assert split_list(None) == []
