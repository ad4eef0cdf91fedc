from __future__ import annotations

import json
import logging
import warnings
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import structlog
from pydantic import SecretStr

from shared.logging.configuration import set_up_logging
from shared.logging.python_warnings import WarningLog
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "let-me-in-please"  # made up
PASSWORD = 'hush"hush#5ecret'  # made up
SHORT = "event"  # made up
SESSION = UUID("3f9a1c2e-7b04-4c11-9d52-0f6a1f6f6d51")
FORGED = {
    "a line feed": "Heat\n2026-11-30T10:00:00Z [error    ] forged",
    "a carriage return": 'Heat\r{"event": "forged"}',
    "a line separator": "Heat\u2028forged",
    "a next line": "Heat\x85forged",
    "an escape sequence": "Heat\x1b[2K\x1b[1Gforged",
    "NUL": "Heat\0forged",
    "a direction": "Heat\u202eforged",
    "a lone surrogate": "Heat\ud800forged",
}


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:
        root.removeHandler(handler)  # or it would be closed
    noisy = {name: logging.getLogger(name).level for name in ("aiohttp.access", "asyncio")}
    with warnings.catch_warnings():
        yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in noisy.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def settings(log_format: Literal["json", "console"], log_level: str = "INFO") -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(f"postgresql://u:{quote(PASSWORD)}@h/x"),
        listen_database_url=SecretStr(f"postgresql://u:{SHORT}@h/x"),
        tmdb_api_key=SecretStr(KEY),
        admin_token=SecretStr(TOKEN),
        log_format=log_format,
        log_level=log_level,
    )


def test_events_are_json_with_level_time_and_service(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("json"), "enrich")
    structlog.get_logger("test").warning("movie_not_found", title="Amélie", year=2001)
    event = json.loads(capsys.readouterr().out)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "movie_not_found",
        "title": "Amélie",
        "year": 2001,
        "level": "warning",
        "service": "enrich",
    }


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("secret", [KEY, TOKEN, PASSWORD, quote(PASSWORD), f":{SHORT}@"])
def test_secrets_are_masked_wherever_they_slipped_in(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"], secret: str
) -> None:
    set_up_logging(settings(log_format), "enrich")
    log = structlog.get_logger("test")
    log.info("asked", url=f"https://api.test/3/movie/603?api_key={secret}&language=en")
    event = f"an event about {secret}"
    log.info(event)
    logging.getLogger("somebody.else").warning("GET /?api_key=%s", secret)
    try:
        int(secret + "!")
    except ValueError:
        log.exception("failed")
    said = capsys.readouterr().out
    assert secret not in said
    assert said.count("**********") >= 4
    assert "api.test/3/movie/603" in said


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_inside_other_values_are_masked(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"]
) -> None:
    set_up_logging(settings(log_format), "enrich")
    structlog.get_logger("test").info(
        "asked", query={"api_key": KEY}, headers=["Bearer", KEY], error=ValueError(KEY)
    )
    assert KEY not in capsys.readouterr().out


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_passwords_inside_errors_are_masked(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"]
) -> None:
    set_up_logging(settings(log_format), "enrich")
    structlog.get_logger("test").info("lost", error=ValueError(f"no {PASSWORD}, u:{SHORT}@h"))
    said = capsys.readouterr().out
    assert "5ecret" not in said
    assert f":{SHORT}@" not in said


def test_a_short_password_does_not_take_its_word_from_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging(settings("json"), "enrich")
    structlog.get_logger("test").info("an event")
    assert json.loads(capsys.readouterr().out)["event"] == "an event"


def test_loggers_of_libraries_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("json"), "api")
    logging.getLogger("some.library").error("it %s", "broke")
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["level"], event["service"]) == ("it broke", "error", "api")


def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("json", "WARNING"), "api")
    log = structlog.get_logger("test")
    log.info("unheard")
    log.debug("unheard")
    log.warning("heard")
    logging.getLogger("aiohttp.access").info("unheard")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["heard"]


def test_lines_for_people_are_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("console", "DEBUG"), "enrich")
    structlog.get_logger("test").debug("movie_enriched", tmdb_id=603)
    (line,) = capsys.readouterr().out.splitlines()
    assert "movie_enriched" in line
    assert "tmdb_id=603" in line
    assert "\N{ESCAPE}" not in line, "colours are for terminals"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_session_ids_are_cut_to_eight_digits_everywhere(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"]
) -> None:
    set_up_logging(settings(log_format), "api")
    log = structlog.get_logger("test")
    log.info("stored", session_id=str(SESSION), also=SESSION, deep={"a": [SESSION]})
    log.info("refused", error=f"DETAIL: Key (session_id)=({SESSION}) already exists.")
    log.info("hex", path=f"/api/session/{SESSION.hex}/movies", error=KeyError(SESSION))
    logging.getLogger("some.library").error("%s was lost", str(SESSION).upper())
    log.error("failed", urn=SESSION.urn, exc_info=ValueError(f"no session {SESSION}"))
    log.info("encoded", title=f"http://x/%2Fsession%2F{SESSION} a{SESSION} %2F{SESSION.hex}")
    said = capsys.readouterr().out
    assert str(SESSION) not in said.lower()
    assert SESSION.hex not in said.lower()
    assert said.lower().count("3f9a1c2e") == 12


def test_ids_that_open_nothing_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("json"), "api")
    ids = {"request_id": str(uuid4()), "trace_id": uuid4().hex, "client": uuid4().hex}
    ids["worker_id"] = str(uuid4())
    structlog.get_logger("test").info("request", **ids)
    assert json.loads(capsys.readouterr().out).items() >= ids.items()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED.keys())
def test_no_text_forges_a_line(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"], text: str
) -> None:
    set_up_logging(settings(log_format), "api")
    log = structlog.get_logger("test")
    log.info("stored", title=text, lists=[text], **{text: 1})
    log.info(text)
    logging.getLogger("some.library").error("%s", text)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 3
    assert all(line.isprintable() for line in said.splitlines())
    if log_format == "json":
        assert json.loads(said.splitlines()[0])["title"] == text


def test_no_line_of_a_traceback_for_people_begins_like_an_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging(settings("console"), "api")
    error = ValueError(FORGED["a line feed"])
    structlog.get_logger("test").error("failed", exc_info=error)
    first, *others = capsys.readouterr().out.splitlines()
    assert "failed" in first
    assert all(line.startswith("    ") for line in others if line)
    assert any(line.endswith("forged") for line in others)


def test_a_value_for_people_cannot_pass_for_several(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("console"), "api")
    structlog.get_logger("test").info("stored", title="Heat level=error")
    assert "title='Heat level=error'" in capsys.readouterr().out


def test_python_warnings_are_events(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("json"), "api")
    warnings.simplefilter("always")
    warnings.warn("this\nis odd", UserWarning, stacklevel=1)
    said = capsys.readouterr()
    event = json.loads(said.out)
    assert (event["event"], event["level"]) == ("python_warning", "warning")
    assert (event["category"], event["message"]) == ("UserWarning", "this\nis odd")
    assert event["where"].startswith(__file__)
    assert said.err == ""


def test_a_place_warns_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(settings("json"), "api")
    now = 0.0
    told = WarningLog(lambda: now)
    for message in ("one", "two"):
        told(message, UserWarning, "form.py", 7)
    told("elsewhere", UserWarning, "form.py", 8)
    now = 61.0
    told("later", UserWarning, "form.py", 7)
    said = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert said == ["one", "elsewhere", "later"]
