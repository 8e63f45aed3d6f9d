"""The processes behind one gRPC target: a call goes to one of them, and some things must reach all."""

import asyncio
import socket
from ipaddress import ip_address

from colonnade.errors import Unavailable

_LISTS = ("ipv4:", "ipv6:")
_DNS = "dns:"


async def every_address(target: str) -> list[str]:
    """Each of ``ipv4:a:1,b:2``; of a name, each address that it has now, as a headless service's pods.

    What means one process, as a socket or loopback does, stays as it is. Raises ``Unavailable``."""
    if target.startswith(_LISTS):
        kind, _, listed = target.partition(":")
        return [f"{kind}:{each.strip()}" for each in listed.split(",")]
    name = target.removeprefix(_DNS).rpartition("/")[2] if target.startswith(_DNS) else target
    host, separator, port = name.rpartition(":")
    if not (separator and port.isdecimal()) or _is_one(host.strip("[]")):
        return [target]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )
    except OSError:
        raise Unavailable(f"the name {host} has no addresses now; try again", retry_after_seconds=1) from None
    return list(dict.fromkeys(_written(family, where[0], int(where[1])) for family, *_, where in found))


def _is_one(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _written(family: int, host: str | int, port: int) -> str:
    return f"ipv6:[{host}]:{port}" if family == socket.AF_INET6 else f"ipv4:{host}:{port}"
