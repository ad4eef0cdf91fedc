"""`python -m local_stack.tmdb`: run the stand-in TMDB until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from pydantic import ValidationError

from local_stack.tmdb.app import create_app
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import FilmDataError, load_films
from local_stack.tmdb.generator import generate_films
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.population import simulate
from local_stack.tmdb.state import STAND_IN
from shared.http.listening import cannot_listen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

log = structlog.get_logger(__name__)

_SHUTDOWN_SECONDS = 1.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_stack.tmdb", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8003, help="port; 0 picks a free one")
    parser.add_argument("--films", type=int, default=0, help="films to generate")
    parser.add_argument(
        "--population", type=int, default=0, help="best-known films of a simulated TMDB instead"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the generated films")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--limit", type=int, default=40, help="requests in any period")
    parser.add_argument("--period", type=float, default=10.0, help="seconds")
    parser.add_argument(
        "--revealed", type=float, default=1.0, help="share of films that appear in recommendations"
    )
    parser.add_argument(
        "--changed", type=float, default=0.005, help="share of films that change on each day"
    )
    parser.add_argument("--api-key", help="the only valid key; by default any well-formed one")
    return parser.parse_args()


def _made_up(films: int, population: int, seed: int) -> Sequence[Film]:
    return simulate(population, seed).films if population else generate_films(films, seed)


async def _serve(catalogue: Catalogue, options: StandInOptions, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = create_app(catalogue, options)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address = runner.addresses[0]
        log.info(
            "stand_in_started", host=host, port=address[1], films=len(catalogue.films),
            limit=options.limit, period=options.period, latency=options.latency,
        )  # fmt: skip
        await stop.wait()
    finally:
        await runner.cleanup()
    counts = app[STAND_IN].report(arrivals=False)
    log.info(
        "stand_in_stopped",
        **{name: counts[name] for name in ("requests", "largest_window", "refused_429")},
    )


def main() -> int:
    """Run until a signal; return 0, or 1 if it could not start."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ]
    )
    told = _arguments()
    try:
        options = StandInOptions(
            latency=told.latency,
            limit=told.limit,
            period=told.period,
            revealed=told.revealed,
            changed=told.changed,
            api_key=told.api_key,
        )
        catalogue = Catalogue([*load_films(), *_made_up(told.films, told.population, told.seed)])
    except (ValidationError, FilmDataError) as error:
        log.error("stand_in_refused", reason=str(error))  # noqa: TRY400 - the text says it all
        return 1
    try:
        asyncio.run(_serve(catalogue, options, told.host, told.port))
    except OSError as error:
        said = cannot_listen(
            error, told.host, told.port, host_setting="--host", port_setting="--port"
        )
        log.error("stand_in_cannot_listen", host=told.host, port=told.port, reason=said)  # noqa: TRY400 - the text says it all
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
