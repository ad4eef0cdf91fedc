"""The database's address as asyncpg reads it: validation, the primary, and its passwords.

asyncpg reads it only when it connects, and repeats in its error whatever it stumbled over: a piece
of a password in which `#`, `/`, `?` or `@` stands as it is.
"""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

UNUSABLE: Final = (
    "cannot be read as postgresql://user:password@host:5432/database; in a password write "
    "# as %23, / as %2F, ? as %3F, @ as %40, % as %25"
)
_KNOWN_VALUES: Final = {
    "sslmode": {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
    "sslnegotiation": {"postgres", "direct"},
    "target_session_attrs": {
        *("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    },
    "gsslib": {"gssapi", "sspi"},
    "ssl_min_protocol_version": {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"},
    "ssl_max_protocol_version": {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"},
}
# libpq's own, which asyncpg would pass on to the server, which refuses every connection for them.
_LIBPQ_ONLY: Final = {
    *("channel_binding", "connect_timeout", "fallback_application_name", "gssencmode", "hostaddr"),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "require_auth"),
    *("load_balance_hosts", "requirepeer", "sslcompression", "sslsni", "tcp_user_timeout"),
}
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?")
_HIGHEST_PORT: Final = 65535
_LONG_ENOUGH: Final = 8


def check_address(address: str) -> None:
    """Refuse an address that asyncpg could not read, or would read as another than was meant.

    Raises:
        ValueError: it is such; the text repeats nothing of the address.
    """
    if not re.match(r"postgres(ql)?://", address):
        raise ValueError("must start with postgresql://")
    try:
        usable = _is_usable(address)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(UNUSABLE)
    options = _options(address)
    if libpq_only := _LIBPQ_ONLY & options.keys():
        raise ValueError(f"leave out what only libpq knows: {', '.join(sorted(libpq_only))}")
    for name, values in options.items():
        if name in _KNOWN_VALUES and values[-1] not in _KNOWN_VALUES[name]:
            raise ValueError(f"{name} must be one of {', '.join(sorted(_KNOWN_VALUES[name]))}")


def passwords_in(address: str) -> set[str]:
    """What must never be shown of an address: its password, in each way in which it may be written.

    A short one is no secret, and the log would lose every word that it happens to be a part of: it
    is given with what stands around it in the address.
    """
    written = urlsplit(address).netloc.rpartition("@")[0].partition(":")[2]
    passwords = {written, unquote(written), *_options(address).get("password", ())}
    found = {password for password in passwords if len(password) >= _LONG_ENOUGH}
    found |= {f":{password}@" for password in passwords if 0 < len(password) < _LONG_ENOUGH}
    return found | {json.dumps(password)[1:-1] for password in found}


def with_primary(address: str) -> str:
    """Return the address; of several hosts, ask for the primary unless the address says which."""
    if (
        "target_session_attrs" in _options(address)
        or max(map(len, _hosts(address)), default=0) <= 1
    ):
        return address
    return f"{address}{'&' if '?' in address else '?'}target_session_attrs=read-write"


def _is_usable(address: str) -> bool:
    parts = urlsplit(address)
    if "#" in address or parts.netloc.count("@") > 1 or "@" in parts.path:
        return False
    if any(character.isspace() or not character.isprintable() for character in address):
        return False
    lists = _hosts(address)
    ports = [port for given in _options(address).get("port", ()) for port in given.split(",")]
    return (
        all(_is_host(host) for hosts in lists for host in hosts)
        and all(_is_port(port) for port in ports)
        and (len(ports) <= 1 or {len(hosts) for hosts in lists} == {len(ports)})
    )


def _hosts(address: str) -> list[list[str]]:
    """Return the hosts before the path, if there are any, and those of each `host` option."""
    written = urlsplit(address).netloc.rpartition("@")[2]
    lists = [[unquote(host) for host in written.split(",")]] if written else []
    return lists + [hosts.split(",") for hosts in _options(address).get("host", ())]


def _options(address: str) -> dict[str, list[str]]:
    query = urlsplit(address).query
    return parse_qs(query, strict_parsing=True) if query else {}


def _is_host(text: str) -> bool:
    if text.startswith("/"):  # the folder of a Unix socket
        return True
    found = _HOST.fullmatch(text)
    if found is None or not _is_port(found[1] or "5432"):
        return False
    text.encode("idna")  # raises UnicodeError, a ValueError, for what no name server could be asked
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= _HIGHEST_PORT
