"""Who a request comes from: an address, or the token of an upload, and the name it is stored by.

The address is the peer's own. Behind a proxy of `TRUSTED_PROXIES` it is the rightmost address in
`X-Forwarded-For` that is no such proxy: what stands left of it was written by strangers. Other
headers, `Forwarded` and `X-Real-IP` among them, are not read.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import hdrs

from shared.errors import UploadTokenError
from shared.settings import split_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from shared.settings import Settings

    Address = IPv4Address | IPv6Address

UNKNOWN: Final = "unknown"
"""Who comes over a socket that has no addresses."""
IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that name a client: it has all that follow to itself."""
NAME_BYTES: Final = 16
"""Of a stored name: enough that no two clients ever share one."""
_FORWARDING: Final = (hdrs.X_FORWARDED_FOR, "Forwarded", "X-Real-IP")

log = structlog.get_logger(__name__)


class Clients:
    """Tells clients apart.

    Args:
        settings: `TRUSTED_PROXIES` and `UPLOAD_TOKENS`.
        read_key: reads the key of their stored names, once.
    """

    def __init__(self, settings: Settings, read_key: Callable[[], Awaitable[bytes]]) -> None:
        self._proxies = [
            ipaddress.ip_network(part, strict=False)
            for part in split_list(settings.trusted_proxies)
        ]
        self._tokens = [part.lower() for part in split_list(settings.upload_tokens)]
        self._read_key = read_key
        self._key: bytes | None = None
        self._warned = False

    def address_of(self, request: web.BaseRequest) -> str:
        """Return the client's address, of IPv6 the network; it is neither stored nor logged."""
        peer = _address(_peer_of(request))
        if peer is None:
            return UNKNOWN
        if not self._is_proxy(peer):
            self._warn_of_headers(request)
            return _client_of(peer)
        hops = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ())).split(",")
        nearest = peer
        for hop in reversed(hops):
            address = _address(_without_port(hop.strip()))
            if address is None:
                break
            nearest = address
            if not self._is_proxy(address):
                break
        return _client_of(nearest)

    def client_of_peer(self, address: str) -> str | None:
        """Return the client behind a connection from this address; None for a trusted proxy."""
        peer = _address(address)
        if peer is None:
            return UNKNOWN
        return None if self._is_proxy(peer) else _client_of(peer)

    def uploader_of(self, request: web.BaseRequest, address: str) -> str:
        """Return who uploads: the token where uploads need one, else the address.

        Raises:
            UploadTokenError: uploads need a token, and the request has none of them.
        """
        if not self._tokens:
            return address
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        # aiohttp keeps header bytes that are not UTF-8 as surrogates.
        token = token.strip()
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
        # Each is compared, so that the time tells nothing.
        matching = [hmac.compare_digest(digest, known) for known in self._tokens]
        if scheme.lower() != "bearer" or not token or not any(matching):
            raise UploadTokenError("Send `Authorization: Bearer` with a token for uploads.")
        return f"token:{digest}"

    async def name_of(self, client: str) -> str:
        """Return the name by which a client is stored: a keyed hash, which tells nobody who it is.

        Raises as `Database.fetchval` does, as long as the key has not been read.
        """
        if self._key is None:
            self._key = await self._read_key()
        return hmac.new(self._key, client.encode(), hashlib.sha256).digest()[:NAME_BYTES].hex()

    def _is_proxy(self, address: Address) -> bool:
        return any(_is_in(address, network) for network in self._proxies)

    def _warn_of_headers(self, request: web.BaseRequest) -> None:
        if self._warned:
            return
        for name in _FORWARDING:
            if name in request.headers:
                self._warned = True
                log.warning(
                    "forwarding_header_ignored",
                    header=name,
                    setting="TRUSTED_PROXIES",
                    advice="if a proxy of yours sent it, name the proxy's address there: until "
                    "then all of its clients are one",
                )
                return


def _is_in(address: Address, network: IPv4Network | IPv6Network) -> bool:
    return address.version == network.version and address in network


def _peer_of(request: web.BaseRequest) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _without_port(hop: str) -> str:
    """The address of `192.0.2.1:4711` or `[2001:db8::1]:4711`; some proxies write the port, too."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _client_of(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
