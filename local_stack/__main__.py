"""`make run`: start everything on this machine, enrich a sample list, then serve."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from pydantic import PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console

from local_stack.demonstration import demonstrate
from local_stack.postgres import EmbeddedPostgres, PostgresStartError
from local_stack.processes import ROOT, WATCH_SECONDS, ProgramError, migrate
from local_stack.samples.default_sample import write_default_sample
from local_stack.stack import Stack, StandIn
from shared.settings import DatabaseAddress, Host, Port, Seconds, Settings, wrong_settings

LOCAL = ROOT / ".local"
INVENTED = (
    "DATABASE_URL is set but TMDB_API_KEY is not: the stand-in's films would be written into that "
    "database as if they came from TMDB. Set TMDB_API_KEY too, or unset DATABASE_URL."
)

console = Console(highlight=False)


class LaunchSettings(BaseSettings):
    """The settings that decide which parts of the stack to start."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", extra="ignore", env_ignore_empty=True)

    database_url: DatabaseAddress | None = None
    tmdb_api_key: SecretStr | None = None
    api_host: Host = Settings.model_fields["api_host"].default
    api_port: Port = Settings.model_fields["api_port"].default
    tmdb_rate_limit: PositiveInt = Settings.model_fields["tmdb_rate_limit"].default
    tmdb_rate_period: Seconds = Settings.model_fields["tmdb_rate_period"].default


async def launch(settings: LaunchSettings, folder: Path) -> None:
    """Start what is missing, show the sample, and serve until cancelled.

    Raises:
        ProgramError: a program did not start.
        PostgresStartError: the embedded server did not.
    """
    async with AsyncExitStack() as exits:
        dsn = await _database(settings, folder, exits)
        await migrate(dsn)
        real = settings.tmdb_api_key is not None
        sample = folder / "sample"
        summary = await asyncio.to_thread(write_default_sample, sample)
        stand_in = StandIn(
            latency=0.05, limit=settings.tmdb_rate_limit, period=settings.tmdb_rate_period
        )
        stack = Stack(
            dsn,
            folder / "logs",
            stand_in=None if real else stand_in,
            # The stand-in has the sample's films, but few of those in a user's own list.
            env={} if real else {"SAMPLE_LIST": str(sample)},
            api_host=settings.api_host,
            api_port=settings.api_port,
        )
        console.print(f"TMDB: {'the real one' if real else 'a stand-in with its own films'}")
        await exits.enter_async_context(stack)
        console.print(f"API and daemon: running; their logs are in {folder.name}/logs\n")
        async with asyncio.TaskGroup() as group:
            for program in (stack.api, *stack.workers):
                group.create_task(program.wait_for_failure())
            try:
                address = await demonstrate(stack, sample, summary, console)
            except aiohttp.ClientError as error:
                # If a program has ended, its watcher is about to report why.
                await asyncio.sleep(2 * WATCH_SECONDS)
                raise ProgramError(f"The API does not answer: {error}") from error
            console.print(f"\nServing on {stack.api_url} until Ctrl-C. The sample list:")
            console.print(f"[bold]{address}[/]", soft_wrap=True)


async def launch_until_signalled(settings: LaunchSettings, folder: Path) -> None:
    """Launch; stop everything in order at the first SIGINT or SIGTERM."""
    work = asyncio.create_task(launch(settings, folder))

    def stop() -> None:
        console.print("\nStopping: finishing the films in flight; the rest stays queued.")
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _database(settings: LaunchSettings, folder: Path, exits: AsyncExitStack) -> str:
    if settings.database_url is not None:
        console.print("PostgreSQL: the one in DATABASE_URL")
        return settings.database_url.get_secret_value()
    # Never mix the stand-in's data with TMDB's.
    data = folder / ("postgres" if settings.tmdb_api_key is None else "postgres-tmdb")
    server = await exits.enter_async_context(EmbeddedPostgres(data))
    console.print(f"PostgreSQL: embedded, with its data in {folder.name}/{data.name}")
    return server.dsn()


def _is_taken(host: str, port: int) -> bool:
    """Return whether the port is in use; the API itself reports other errors."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def main() -> None:
    """Launch, or exit with the reason."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description=__doc__)
    parser.add_argument("--data", type=Path, default=LOCAL, help="folder for its data")
    told = parser.parse_args()
    try:
        settings = LaunchSettings()
    except ValidationError as error:
        sys.exit(wrong_settings(error))
    if settings.database_url and not settings.tmdb_api_key:
        sys.exit(INVENTED)
    if _is_taken(settings.api_host, settings.api_port):
        sys.exit(
            f"Port {settings.api_port} is in use. Stop what listens there (another `make run`?), "
            "or choose another port: API_PORT=8080 make run"
        )
    failures: list[str] = []
    try:
        told.data.mkdir(exist_ok=True)
        asyncio.run(launch_until_signalled(settings, told.data.resolve()))
    except* (PostgresStartError, ProgramError) as errors:
        failures = [str(error) for error in errors.exceptions]
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
