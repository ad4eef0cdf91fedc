"""A disk that takes no more, told from every other trouble."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from shared.errors import StorageFullError
from shared.logging.throttle import Seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RETRY_AFTER_SECONDS = 60

seldom = Seldom()
log = structlog.get_logger(__name__)


@contextmanager
def our_disk() -> Iterator[None]:
    """Tell trouble with our own disk from trouble with the client's connection.

    Raises:
        StorageFullError: the disk takes no more, or is gone.
    """
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise _no_room(error) from error


@contextmanager
def full_disk() -> Iterator[None]:
    """Tell a disk that is full from whatever else may fail where both a disk and others are used.

    Raises:
        StorageFullError: it takes no more.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _no_room(error) from error


def _no_room(error: OSError) -> StorageFullError:
    if (suppressed := seldom.due(error.errno)) is not None:
        log.warning("spool_failed", error=str(error), suppressed=suppressed)
    return StorageFullError(
        "The service has no room for it: try again later.", retry_after=RETRY_AFTER_SECONDS
    )
