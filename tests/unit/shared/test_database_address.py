"""The database's address: what asyncpg reads is taken, all else refused without being repeated."""

from __future__ import annotations

import pytest
from asyncpg import connect_utils
from hypothesis import example, given
from hypothesis import strategies as st

from shared.database_address import check_address, passwords_in

SECRET = "s3cretpw"
# Its public callers connect at once.
read = connect_utils._parse_connect_dsn_and_args  # type: ignore[attr-defined]  # noqa: SLF001  # private
NOTHING = dict.fromkeys(
    (
        *("host", "port", "user", "password", "passfile", "database", "ssl", "service"),
        *("servicefile", "direct_tls", "server_settings", "target_session_attrs", "krbsrvname"),
        "gsslib",
    )
)
ODD = st.text(st.sampled_from("ab1:/?#@[]%&=,. é\n"), max_size=12)
OPTIONS = st.dictionaries(
    st.sampled_from(
        ["host", "port", "sslmode", "target_session_attrs", "sslnegotiation", "gsslib", "x"]
    ),
    ODD | st.sampled_from(["a,b", "1,2", "require", "read-write", "/tmp"]),  # noqa: S108  # text only
    max_size=3,
)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///films",
        "postgres://films",
        "postgresql://u:p@127.0.0.1:5433/films",
        "postgresql://u:p%23%2F%40@db.example.org/films?sslmode=require",
        "postgresql://u@one,two:5433/films?target_session_attrs=read-write",
        "postgresql://u@/films?host=/run/postgresql&port=5433",
        "postgresql://u@/films?host=one,two&port=1,2",
        "postgresql://u@%2Frun%2Fpostgresql/films?application_name=a",
        "postgresql://u@[::1]:5432/films",
    ],
)
def test_what_asyncpg_reads_is_taken(address: str) -> None:
    check_address(address)
    read(dsn=address, **NOTHING)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{SECRET}#1@127.0.0.1:1/x",
        f"postgresql://u:{SECRET}/1@127.0.0.1:1/x",
        f"postgresql://u:1/{SECRET}@127.0.0.1:1/x",
        f"postgresql://u:{SECRET}?1@127.0.0.1:1/x",
        f"postgresql://u:1@{SECRET}@127.0.0.1:1/x",
        f"postgresql://u:{SECRET}@h:abc/db",
        f"postgresql://u:{SECRET}@h:70000/db",
        f"postgresql://u:{SECRET}@h,,i/db",
        f"postgresql://u:{SECRET}@h..i/db",
        f"postgresql://u:{SECRET}@[::1/db",
        f"postgresql://u:{SECRET}@h/db?sslmode",
        f"postgresql://u:{SECRET}@h/db?host=a,b&port=1,2,3",
        f"postgresql://u:{SECRET}@h/db?port=x",
        f"postgresql://u:{SECRET}@h/db?sslmode={SECRET}",
        f"postgresql://u:{SECRET}@h/db?target_session_attrs={SECRET}",
        f"postgresql://u:{SECRET}@h/db?sslnegotiation={SECRET}",
        f"postgresql://u:{SECRET}@h/db?ssl_min_protocol_version={SECRET}",
        f"postgresql://u:{SECRET}@h/db?channel_binding=require",
        f"mysql://u:{SECRET}@h/db",
    ],
)
def test_what_asyncpg_could_not_read_or_not_as_meant_is_refused_unrepeated(address: str) -> None:
    with pytest.raises(ValueError, match=r"must |leave out|in a password write # as %23") as caught:
        check_address(address)
    assert SECRET not in str(caught.value)


@given(user=ODD, password=ODD, hosts=ODD, path=ODD, options=OPTIONS)
@example(user="u", password="p", hosts="", path="d", options={"port": "1,2"})
def test_asyncpg_reads_whatever_was_taken(
    user: str, password: str, hosts: str, path: str, options: dict[str, str]
) -> None:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    address = f"postgresql://{user}:{password}@{hosts}/{path}" + (f"?{query}" if query else "")
    try:
        check_address(address)
    except ValueError:
        return
    read(dsn=address, **NOTHING)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql:///films", set()),
        ("postgresql://u@h/films", set()),
        ("postgresql://u:long-enough@h/films", {"long-enough"}),
        ("postgresql://u:long%23enough@h/films", {"long%23enough", "long#enough"}),
        ("postgresql://u@h/films?password=long-enough", {"long-enough"}),
        ("postgresql://u:films@h/films", {":films@"}),
        ("postgresql://u:long%22enough@h/x", {"long%22enough", 'long"enough', r"long\"enough"}),
    ],
)
def test_a_password_is_found_in_each_way_it_is_written(address: str, expected: set[str]) -> None:
    assert passwords_in(address) == expected
