"""Settings of both services, read once from the environment or `.env` and checked at the start.

A wrong value stops the service at once with a message that names the setting.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    DirectoryPath,
    Field,
    PositiveInt,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.database_address import check_address
from shared.tmdb_key import WRONG_SHAPE, is_v3_key, is_v4_token

Port = Annotated[int, Field(ge=0, le=65535)]
# A blank host would be all of the machine's addresses.
Host = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# Far beyond what is of use, and within what an interval of PostgreSQL and a date of Python hold.
Seconds = Annotated[float, Field(gt=0, le=3600)]
NotNegative = Annotated[int, Field(ge=0, lt=2**53)]
TMDBS_OWN_ADDRESS = "https://api.themoviedb.org"
SHORTEST_ADMIN_TOKEN = 16
MOST_SAMPLE_FILES, MOST_SAMPLE_BYTES = 1_000, 5 * 1024**2
"""The sample list is kept in memory, and is sent to everybody."""


def _checked(address: SecretStr) -> SecretStr:
    text = address.get_secret_value().strip()
    check_address(text)
    return SecretStr(text)


DatabaseAddress = Annotated[SecretStr, AfterValidator(_checked)]


def _networks(text: str | None) -> str | None:
    for part in split_list(text):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            raise ValueError("must be addresses or ranges like 10.0.0.0/8, with commas") from None
    return text


_DIGEST_OF_NOTHING = hashlib.sha256(b"").hexdigest()


def _digests(text: str | None) -> str | None:
    if not all(re.fullmatch("[0-9a-fA-F]{64}", part) for part in split_list(text)):
        raise ValueError("must be SHA-256 digests of 64 hex digits each, with commas")
    if any(part.lower() == _DIGEST_OF_NOTHING for part in split_list(text)):
        raise ValueError("has the digest of an empty token: was the variable set?")
    return text


TrustedProxies = Annotated[str | None, AfterValidator(_networks)]
UploadTokens = Annotated[str | None, AfterValidator(_digests)]


def split_list(text: str | None) -> list[str]:
    """Return the parts of a setting that is a list, without the spaces around its commas."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


class Settings(BaseSettings):
    """Every setting of the project. Durations are seconds, sizes are bytes."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, allow_inf_nan=False
    )

    database_url: DatabaseAddress = Field(
        description="PostgreSQL 15 or newer; several hosts allowed, then "
        "`target_session_attrs=read-write` unless said otherwise; in a password write `#` as "
        "`%23`, `/` as `%2F`, `?` as `%3F`, `@` as `%40`"
    )
    listen_database_url: DatabaseAddress | None = Field(
        None,
        description="direct connection, for LISTEN and migrations, where `DATABASE_URL` is a "
        "transaction-pooling PgBouncer; setting it also turns the statement cache off "
        "(default: `DATABASE_URL`)",
    )
    tmdb_api_key: SecretStr | None = Field(
        None,
        description="v3 key (32 hex digits) or v4 read token (`eyJ…`), told apart by shape; "
        "the daemon needs it; never logged",
    )
    tmdb_base_url: str = Field(
        TMDBS_OWN_ADDRESS,
        description="for a stand-in or a proxy; with or without the `/3` at its end",
    )
    tmdb_export_base_url: str | None = Field(
        None,
        description="where TMDB's daily export of film ids is fetched from, so that most films "
        "cost one request; `off` does without; unset, it is `https://files.tmdb.org` where "
        "`TMDB_BASE_URL` is TMDB's own, and off otherwise",
    )
    tmdb_language: str = Field("en-US", description="language of titles and overviews")
    tmdb_image_base_url: str = Field(
        "https://image.tmdb.org/t/p", description="where posters are served from"
    )
    tmdb_rate_limit: Annotated[int, Field(gt=0, le=10_000)] = Field(
        40,
        description="requests that may be sent in any `TMDB_RATE_PERIOD`, by all daemons; more "
        "than ten a second go evenly; TMDB bears about 350 in 10 seconds today",
    )
    tmdb_rate_period: Seconds = Field(10, description="seconds")
    tmdb_rate_margin: Annotated[float, Field(ge=0.02)] = Field(
        0.2,
        description="seconds that a request may reach TMDB later than its slot; less than "
        "`TMDB_RATE_PERIOD`",
    )
    index_votes: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        5,
        description="in the background, the titles of all films with so many votes are learned, "
        "twenty a request; a film that is known by title costs one request, not two; 0 keeps no "
        "titles, so that each film is searched for",
    )
    warm_films: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        0,
        description="how many of the films with the most votes are fetched whole in the "
        "background, so that they are there at upload; needs `INDEX_VOTES` to know them",
    )
    enrich_interval: Seconds = Field(10, description="seconds between fallback ticks")
    enrich_concurrency: Annotated[int, Field(gt=0, le=1_000)] = Field(
        20,
        description="films in flight in one daemon; those that ask TMDB at this moment are 20 at "
        "most in all daemons together, for it accepts no more connections",
    )
    drain_seconds: Seconds = Field(
        20, description="seconds that work in flight may take after SIGTERM"
    )
    api_host: Host = Field("127.0.0.1", description="containers set 0.0.0.0")
    api_port: Port = Field(8000, description="the API's port")
    worker_host: Host = Field("127.0.0.1", description="containers set 0.0.0.0")
    worker_port: Port = Field(8001, description="port of the daemon's probes")
    admin_token: SecretStr | None = Field(
        None,
        description=f"at least {SHORTEST_ADMIN_TOKEN} characters; worker control is refused while "
        "unset",
    )
    upload_max_bytes: PositiveInt = Field(52_428_800, description="of all files of one upload")
    upload_max_movies: PositiveInt = Field(200_000, description="distinct films of one upload")
    upload_disk_bytes: PositiveInt = Field(
        805_306_368,
        description="room for the files of uploads under way in one API's temporary folder; at "
        "least four times `UPLOAD_MAX_BYTES`, and no more than the disk has",
    )
    upload_least_rate: NotNegative = Field(
        4_096, description="bytes a second below which the body of an upload is given up (408)"
    )
    upload_seconds: Seconds = Field(
        600, description="seconds after which a body that has not ended is given up (408)"
    )
    upload_tokens: UploadTokens = Field(
        None,
        description="SHA-256 digests (64 hex digits each) of the tokens with which uploads are "
        "taken, separated by commas; unset, anybody may upload",
    )
    trusted_proxies: TrustedProxies = Field(
        None,
        description="addresses or ranges (`10.0.0.0/8, ::1`) of proxies whose `X-Forwarded-For` "
        "names the client; behind a proxy that is not named here, everybody is one client",
    )
    client_uploads: NotNegative = Field(
        60,
        description="uploads that one client may begin in an hour, ten of them at a stretch; 0 "
        "lifts this limit",
    )
    client_open_uploads: NotNegative = Field(
        4, description="uploads of one client at the same time; 0 lifts it"
    )
    client_heavy_reads: NotNegative = Field(
        8, description="filtered pages, summaries and exports of one client at once; 0 lifts it"
    )
    client_reads_a_minute: NotNegative = Field(
        240, description="the same, and orders to ask again, of one client in a minute; 0 lifts it"
    )
    client_connections: NotNegative = Field(
        128, description="open connections of one client to one API; 0 lifts it"
    )
    client_event_streams: NotNegative = Field(
        32, description="open streams of events of one client; 0 lifts it"
    )
    client_films_queued: NotNegative = Field(
        200_000, description="films of one client that wait to be looked up; 0 lifts it"
    )
    client_movies_stored: NotNegative = Field(
        500_000, description="movies in all sessions of one client; 0 lifts it"
    )
    max_connections: NotNegative = Field(
        2_000, description="open connections to one API; 0 lifts this cap"
    )
    max_open_uploads: NotNegative = Field(
        200, description="uploads at the same time in one API; 0 lifts this cap"
    )
    max_sessions: NotNegative = Field(
        100_000, description="sessions of all clients together; 0 lifts it"
    )
    max_movies_stored: NotNegative = Field(
        5_000_000, description="movies in all sessions together; 0 lifts it"
    )
    max_films_queued: NotNegative = Field(
        1_000_000, description="films of all clients that wait to be looked up; 0 lifts it"
    )
    sample_list: DirectoryPath | None = Field(
        None,
        description="folder of a list that the start page offers to try, 5 MB at most; whoever "
        "reaches the page can download every file in it; `make run` and the demonstration set it",
    )
    session_days: Annotated[int, Field(gt=0, le=36_500)] = Field(
        30, description="days that a session stays unread"
    )
    catalogue_days: Annotated[int, Field(gt=0, le=180)] = Field(
        150,
        description="days after which a record of TMDB's is refreshed though TMDB does not tell of "
        "a change, as of votes; more than 150 count as 150, for its terms allow 180",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        description="where a collector takes traces by OTLP over HTTP, without `/v1/traces`; needs "
        "the packages of `requirements-tracing.txt`; unset, no spans are sent",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG names each film"
    )
    log_format: Literal["json", "console"] = Field("json", description="`console` for people")

    @field_validator("tmdb_api_key")
    @classmethod
    def _known_shape(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value().strip() if key else ""
        if not text:
            return None
        if is_v3_key(text) or is_v4_token(text):
            return SecretStr(text)
        raise ValueError(WRONG_SHAPE)

    @field_validator("tmdb_base_url", "tmdb_image_base_url")
    @classmethod
    def _http_address(cls, url: str) -> str:
        if not re.match(r"https?://[^/]", url):
            raise ValueError("must start with http:// or https:// and name a host")
        _ = urlsplit(url).port  # raises ValueError for a port that cannot be
        return url.rstrip("/").removesuffix("/3")

    @field_validator("tmdb_export_base_url")
    @classmethod
    def _export_address(cls, url: str | None) -> str | None:
        return url if url is None or url == "off" else cls._http_address(url)

    @field_validator("sample_list")
    @classmethod
    def _small_enough(cls, folder: DirectoryPath | None) -> DirectoryPath | None:
        """Refuse a folder that is no list, /home say, without looking through all of it."""
        size = 0
        for number, path in enumerate(folder.rglob("*") if folder else (), 1):
            size += path.stat().st_size if path.is_file() else 0
            if number > MOST_SAMPLE_FILES or size > MOST_SAMPLE_BYTES:
                raise ValueError("must hold at most 1,000 files and folders, 5 MB together")
        return folder

    @field_validator("upload_disk_bytes")
    @classmethod
    def _room_for_the_largest(cls, room: int, others: ValidationInfo) -> int:
        if room < 4 * others.data.get("upload_max_bytes", 0):
            raise ValueError("must be at least four times UPLOAD_MAX_BYTES")
        return room

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _collector_address(cls, url: str | None) -> str | None:
        return url if url is None else cls._http_address(url)

    @field_validator("tmdb_rate_margin")
    @classmethod
    def _within_the_period(cls, margin: float, others: ValidationInfo) -> float:
        if margin >= others.data.get("tmdb_rate_period", margin + 1):
            raise ValueError("must be less than TMDB_RATE_PERIOD")
        return margin

    @field_validator("admin_token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        """Refuse what is guessed in no time, and what would be masked in every other word logged.

        A token stands in a header, which takes neither spaces around it nor other characters.
        """
        text = token.get_secret_value().strip() if token else ""
        if not text:
            return None
        if len(text) < SHORTEST_ADMIN_TOKEN or not (text.isascii() and text.isprintable()):
            raise ValueError(f"must be at least {SHORTEST_ADMIN_TOKEN} printable ASCII characters")
        return SecretStr(text)


class SettingsError(Exception):
    """The environment does not make usable settings; the text names each wrong setting."""


def read_settings() -> Settings:
    """Read and check the environment.

    Raises:
        SettingsError: with one line for each wrong setting; a value is never repeated, because it
            may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(wrong_settings(error)) from None


def wrong_settings(error: ValidationError) -> str:
    """One line for each wrong setting, without its value."""
    lines = [
        f"{'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False)
    ]
    return "Wrong settings:\n  " + "\n  ".join(lines)
