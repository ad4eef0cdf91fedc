"""Who a request comes from: by its peer, by what trusted proxies say, and by an upload's token."""

from __future__ import annotations

import hashlib

import pytest
import structlog
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from api_service.limits.client_identity import UNKNOWN, Clients
from shared.errors import UploadTokenError
from shared.settings import Settings

TOKENS = ["correct horse battery staple", "another token of somebody"]


async def key() -> bytes:
    return b"0123456789abcdef"


def clients(trusted_proxies: str | None = None, upload_tokens: str | None = None) -> Clients:
    settings = Settings(
        _env_file=None,
        database_url="postgresql://x/y",
        trusted_proxies=trusted_proxies,
        upload_tokens=upload_tokens,
    )
    return Clients(settings, key)


class Transport:
    """A connection from an address."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._peer, 4711) if name == "peername" and self._peer else default


def address(known: Clients, peer: str, *hops: str, header: str = "X-Forwarded-For") -> str:
    headers = CIMultiDict((header, hop) for hop in hops)
    request = make_mocked_request("GET", "/", headers=headers, transport=Transport(peer))
    return known.address_of(request)


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", UNKNOWN),
    ],
)
def test_client_is_the_peer_and_of_ipv6_its_network(peer: str, client: str) -> None:
    assert address(clients(), peer) == client


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("198.51.100.7:51234", "198.51.100.7"),
        ("[2001:db8:1:2::9]:51234, 10.0.0.2", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.9, ", "10.0.0.1"),
        ("garbage", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_it_is_the_rightmost_untrusted_hop(hops: str, client: str) -> None:
    assert address(clients(trusted_proxies="10.0.0.0/8"), "10.0.0.1", hops) == client


def test_each_line_of_the_header_is_read() -> None:
    known = clients(trusted_proxies="10.0.0.0/8")
    assert address(known, "10.0.0.1", "203.0.113.9", "198.51.100.7", "10.0.0.2") == "198.51.100.7"


def test_a_proxy_without_the_header_is_the_client_itself() -> None:
    assert address(clients(trusted_proxies="10.0.0.0/8, ::1"), "10.0.0.1") == "10.0.0.1"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_headers_of_strangers_are_ignored_with_one_warning(header: str) -> None:
    known = clients(trusted_proxies="10.0.0.0/8")
    with structlog.testing.capture_logs() as logged:
        for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
            assert address(known, peer, "198.51.100.7", header=header) == peer
    (warning,) = logged
    assert warning["event"] == "forwarding_header_ignored"
    assert (warning["header"], warning["setting"]) == (header, "TRUSTED_PROXIES")
    assert "198.51.100.7" not in str(warning)
    assert "192.0.2" not in str(warning)


def uploader(authorization: str | None, upload_tokens: str | None = None) -> str:
    headers = {} if authorization is None else {"Authorization": authorization}
    request = make_mocked_request("POST", "/", headers=headers)
    return clients(upload_tokens=upload_tokens).uploader_of(request, "192.0.2.1")


def digests(*tokens: str) -> str:
    return ", ".join(hashlib.sha256(token.encode()).hexdigest().upper() for token in tokens)


def test_without_tokens_the_address_uploads() -> None:
    assert uploader(None) == "192.0.2.1"
    assert uploader("Bearer whatever") == "192.0.2.1"


def test_each_token_is_a_client_whatever_its_address() -> None:
    known = {uploader(f"Bearer {token}", upload_tokens=digests(*TOKENS)) for token in TOKENS}
    assert len(known) == 2
    assert not any(token in client for token in TOKENS for client in known)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic " + TOKENS[0], "Bearer x", "Bearer é"],
)
def test_without_one_of_the_tokens_an_upload_is_refused(authorization: str | None) -> None:
    with pytest.raises(UploadTokenError):
        uploader(authorization, upload_tokens=digests(*TOKENS))


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer \t"])
def test_empty_token_is_refused_even_with_its_digest_in_the_setting(authorization: str) -> None:
    settings = Settings(_env_file=None, database_url="postgresql://x/y").model_copy(
        update={"upload_tokens": digests("")}
    )
    request = make_mocked_request("POST", "/", headers={"Authorization": authorization})
    with pytest.raises(UploadTokenError):
        Clients(settings, key).uploader_of(request, "192.0.2.1")


async def test_stored_name_is_a_keyed_hash() -> None:
    async def other_key() -> bytes:
        return b"fedcba9876543210"

    settings = Settings(_env_file=None, database_url="postgresql://x/y")
    names = [
        await known.name_of(client)
        for known in (clients(), Clients(settings, other_key))
        for client in ("192.0.2.1", "192.0.2.2")
    ]
    assert len(set(names)) == 4
    assert all(len(name) == 32 and name.isalnum() for name in names)
    assert await clients().name_of("192.0.2.1") == names[0]
