from collections.abc import Sequence

import pytest

from colonnade.errors import PermissionDenied, Unavailable
from colonnade.security.outbound import Allowed, Resolve
from colonnade.security.outbound.addresses import checked_addresses

PUBLIC = Allowed.parse("https://models.example.com").place("https://models.example.com/")
PRIVATE = Allowed.parse("https+private://models.example.com").place("https://models.example.com/")

NEVER = [
    "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "0.0.0.0", "192.88.99.1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::", "fe80::1", "fec0::1", "ff02::1",
    "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "192.0.0.192", "192.0.0.8", "168.63.129.16", "100.100.100.200", "fd00:ec2::254",
]  # fmt: skip
OWN = ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1"]


def answering(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


async def test_public_addresses_pass() -> None:
    assert await checked_addresses(PUBLIC, answering("8.8.8.8", "2606:4700::1111")) == [
        "8.8.8.8",
        "2606:4700::1111",
    ]


@pytest.mark.parametrize("address", [*NEVER, *OWN])
async def test_others_do_not(address: str) -> None:
    with pytest.raises(PermissionDenied, match="not public"):
        await checked_addresses(PUBLIC, answering(address))


@pytest.mark.parametrize("address", OWN)
async def test_private_ones_do_where_the_pattern_says_so(address: str) -> None:
    assert await checked_addresses(PRIVATE, answering(address)) == [address]


@pytest.mark.parametrize("address", NEVER)
async def test_some_never_do(address: str) -> None:
    with pytest.raises(PermissionDenied):
        await checked_addresses(PRIVATE, answering(address))


async def test_one_bad_address_among_good_ones_refuses_them_all() -> None:
    with pytest.raises(PermissionDenied):
        await checked_addresses(PUBLIC, answering("8.8.8.8", "10.0.0.1"))


async def test_an_address_in_the_url_is_checked_and_never_resolved() -> None:
    place = Allowed.parse("http://127.0.0.1").place("http://127.0.0.1/")
    with pytest.raises(PermissionDenied, match=r"http\+private://127\.0\.0\.1"):
        await checked_addresses(place, answering("8.8.8.8"))


async def test_a_name_without_an_address_is_unavailable() -> None:
    async def failing(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such host")

    with pytest.raises(Unavailable):
        await checked_addresses(PUBLIC, failing)
    with pytest.raises(Unavailable):
        await checked_addresses(PUBLIC, answering())
