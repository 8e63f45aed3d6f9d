"""Loopback addresses, and the Host and Origin of a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import PermissionDenied
from colonnade.security import network


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.255",
        "::1",
        "[::1]",
        "localhost",
        "LOCALHOST",
        "::ffff:127.0.0.1",
    ],
)
def test_loopback(host: str) -> None:
    assert network.is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "[::]", "", "10.0.0.1", "192.168.1.2", "169.254.169.254", "8.8.8.8",
    "::ffff:10.0.0.1", "fe80::1",
     "localhost.evil.example", "evil.example", "127.0.0.1.evil.example", "127.1", "0x7f000001",
     "2130706433", "0177.0.0.1",
     "127.0.0.1 ", "localhost\n", "*"],
)  # fmt: skip
def test_not_loopback(host: str) -> None:
    assert not network.is_loopback(host)


@pytest.mark.parametrize(
    "listen", ["unix:/run/x.sock", "127.0.0.1:8080", "[::1]:8080", "localhost:1", "127.0.0.1"]
)
def test_local_addresses(listen: str) -> None:
    assert network.is_local_address(listen)


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8080", "[::]:8080", "::1:8080", ":8080", "", "10.0.0.1:1", "a@127.0.0.1:1"]
)
def test_addresses_that_others_reach(listen: str) -> None:
    assert not network.is_local_address(listen)


@pytest.mark.parametrize(
    "header",
    ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:8080", "LocalHost:8080", "localhost.:8080",
    "[::1]",
     "[::1]:8080", "[0:0:0:0:0:0:0:1]:8080"],
)  # fmt: skip
def test_hosts_of_this_machine(header: str) -> None:
    network.check_host(header)


@pytest.mark.parametrize(
    "header",
    [None, "", " ", "evil.example", "evil.example:8080", "localhost.evil.example", "evil-localhost",
    "127.0.0.1.nip.io",
     "127.0.0.2:8080", "0.0.0.0:8080", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::]",
     "user@localhost",
     "localhost@evil.example", "localhost:8080@evil.example", "localhost/evil", "localhost#",
     "localhost?", "localhost:",
     "localhost:0", "localhost:99999", "localhost:8080:1", "localhost\r\nX: y", "localhost\0",
     "localhost, evil.example",
     "localhost evil", "[::1", "::1", "[::1%25lo]", "http://localhost", "ｌocalhost", "localhost..",
     "x" * 5000],
)  # fmt: skip
def test_foreign_hosts(header: str | None) -> None:
    with pytest.raises(PermissionDenied) as refused:
        network.check_host(header)
    assert refused.value.details["field"] == "host"
    assert "evil" not in refused.value.message


def test_allowed_hosts() -> None:
    allowed = ["api.example.com", "intern:8443", "*.apps.example.com", "[fd00::1]"]
    for header in (
        "api.example.com",
        "API.example.com:443",
        "intern:8443",
        "a.apps.example.com",
        "[fd00:0::1]:1",
    ):
        network.check_host(header, allowed)
    for header in (
        "intern",
        "intern:80",
        "apps.example.com",
        "xapps.example.com",
        "localhost",
        "a.example.com",
    ):
        with pytest.raises(PermissionDenied):
            network.check_host(header, allowed)
    network.check_host("anything", ["*"])
    network.check_host(None, ["*"])


@given(st.text(max_size=30) | st.from_regex(r"[\[\]a-z0-9:.@%-]{1,20}", fullmatch=True))
def test_nothing_else_is_this_machine(header: str) -> None:
    try:
        network.check_host(header)
    except PermissionDenied:
        return
    authority = network.parse_authority(header)
    assert authority is not None
    assert authority.host in network.LOOPBACK_HOSTS


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:8080"), (None, None), ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost:8080", "LOCALHOST:8080"), ("http://[::1]:8080", "[::1]:8080"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"), ("http://localhost:80", "localhost"),
        ("https://api.example.com", "api.example.com"),
        ("https://api.example.com", "api.example.com:443"),
    ],
)  # fmt: skip
def test_our_own_pages(origin: str | None, host: str | None) -> None:
    network.check_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "127.0.0.1:8080"), ("null", "null"), ("", "127.0.0.1:8080"), ("http://evil.example",
        "127.0.0.1:8080"),
        ("http://localhost:3000", "localhost:8080"), ("http://127.0.0.1:8080", "localhost:8080"),
        ("http://localhost", "localhost:8080"), ("https://localhost", "localhost:80"),
        ("http://localhost:8080.evil.example", "localhost:8080"), ("http://localhost:8080@evil.example",
        "localhost:8080"),
        ("http://evil.example/localhost:8080", "localhost:8080"), ("http://localhost:8080/",
        "localhost:8080"),
        ("file://localhost:8080", "localhost:8080"), ("chrome-extension://localhost:8080", "localhost:8080"),
        ("localhost:8080", "localhost:8080"), ("http://localhost:8080 http://evil.example", "localhost:8080"),
        ("http://localhost:8080", None), ("http://localhost:8080", ""), ("http://", ""), ("*", "*"),
        ("http://*", "*"),
        ("http://" + "x" * 5000, "localhost"),
    ],
)  # fmt: skip
def test_foreign_pages(origin: str, host: str | None) -> None:
    with pytest.raises(PermissionDenied) as refused:
        network.check_origin(origin, host)
    assert refused.value.details["field"] == "origin"
    assert "evil" not in refused.value.message


def test_allowed_pages() -> None:
    allowed = ["https://console.example.com", "http://localhost:8081"]
    network.check_origin("https://console.example.com", "127.0.0.1:8080", allowed)
    network.check_origin("https://CONSOLE.example.com:443", "127.0.0.1:8080", allowed)
    network.check_origin("http://localhost:8081", "127.0.0.1:8080", allowed)
    for origin in (
        "http://console.example.com",
        "https://console.example.com:444",
        "http://localhost:8082",
        "null",
    ):
        with pytest.raises(PermissionDenied):
            network.check_origin(origin, "127.0.0.1:8080", allowed)


def test_null_is_not_allowed_even_when_listed() -> None:
    with pytest.raises(PermissionDenied):
        network.check_origin("null", "127.0.0.1:8080", ["null", "*", ""])


def test_dns_rebinding_is_stopped_by_the_host_though_the_origin_agrees() -> None:
    """The page of evil.example is same-origin with an evil.example that now resolves to 127.0.0.1."""
    network.check_origin("http://evil.example:8080", "evil.example:8080")
    with pytest.raises(PermissionDenied):
        network.check_host("evil.example:8080")
