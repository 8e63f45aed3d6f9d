"""Which addresses are this machine alone, and which browsers may speak to it.

A page on the internet can make a browser on this machine call ``http://127.0.0.1:8080``: directly (it is then
named in ``Origin``), or by DNS rebinding, where ``evil.example`` suddenly resolves to 127.0.0.1 and the page
counts as same-origin (it is then named in ``Host``). So an open gateway checks both.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from colonnade.errors import PermissionDenied

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""What a browser or a client on this machine calls it."""

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_HEADER = 300


@dataclass(frozen=True, slots=True)
class Authority:
    """A host, normalised, and its port, None where it was not said."""

    host: str
    port: int | None


@lru_cache(maxsize=1024)
def parse_authority(text: str) -> Authority | None:
    """``host``, ``host:port`` or ``[v6]:port``; None for anything else, as a user name before the host."""
    shape = _AUTHORITY.fullmatch(text) if len(text) <= _MAX_HEADER else None
    if shape is None:
        return None
    host, port = _normal_host(shape[1]), int(shape[2]) if shape[2] else None
    if not host or (port is not None and not 0 < port < 65536):
        return None
    return Authority(host, port)


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether ``host`` is reached from this machine alone. Of names, only localhost is."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_local_address(listen: str) -> bool:
    """As ``is_loopback``, for a listen address: ``unix:/path``, ``host:port``, ``[v6]:port``."""
    if listen.startswith(("unix:", "unix-abstract:")):
        return True
    authority = parse_authority(listen)
    return authority is not None and is_loopback(authority.host)


def check_host(header: str | None, allowed: Collection[str] = LOOPBACK_HOSTS) -> None:
    """Refuses a ``Host`` header that is not in ``allowed`` (defence against DNS rebinding).

    An entry without a port allows every port, ``*.example.com`` every name below, ``*`` everything.
    """
    if "*" in allowed:
        return
    given = parse_authority(header or "")
    if given is None or not any(_host_matches(given, entry) for entry in allowed):
        raise PermissionDenied(
            "the Host header names another host than this one; call it by a name that is allowed",
            field="host",
            allowed=sorted(allowed),
        )


def check_origin(origin: str | None, host: str | None, allowed: Collection[str] = ()) -> None:
    """Refuses an ``Origin`` that is neither ``host`` itself (the ``Host`` header) nor in ``allowed``.

    None passes: programs send no Origin, and browsers always do where something could be changed. ``null``
    (sandboxed frames, files, redirects) is never trusted.
    """
    if origin is None or _same_origin(origin, host) or _normal_origin(origin) in _origins(allowed):
        return
    raise PermissionDenied(
        "the Origin header names a foreign site; pages of that site may not call this platform",
        field="origin",
    )


def _normal_host(host: str) -> str:
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            return ""
    return host.lower().removesuffix(".")


def _host_matches(given: Authority, entry: str) -> bool:
    if entry.startswith("*."):
        wanted = parse_authority(entry[2:])
        same = wanted is not None and given.host.endswith(f".{wanted.host}")
    else:
        wanted = parse_authority(entry)
        same = wanted is not None and given.host == wanted.host
    return wanted is not None and same and wanted.port in (None, given.port)


def _normal_origin(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port. None for what is no web origin, ``null`` included."""
    shape = _ORIGIN.fullmatch(origin) if len(origin) <= _MAX_HEADER else None
    authority = parse_authority(shape[2]) if shape else None
    if shape is None or authority is None:
        return None
    return shape[1], authority.host, authority.port or _DEFAULT_PORTS[shape[1]]


def _origins(allowed: Collection[str]) -> set[tuple[str, str, int]]:
    return {known for known in map(_normal_origin, allowed) if known is not None}


def _same_origin(origin: str, host: str | None) -> bool:
    """The scheme is taken from the origin: behind a proxy that ends TLS we do not see it."""
    known, own = _normal_origin(origin), parse_authority(host or "")
    if known is None or own is None:
        return False
    scheme, name, port = known
    return own.host == name and (own.port or _DEFAULT_PORTS[scheme]) == port
