"""Which places may be reached: schemes, hosts and ports that an operator listed.

https://models.example.com          that host, port 443
https://*.example.org:8443          every name below example.org, port 8443
https://*                           every public host
http+private://127.0.0.1:*          also where the address is private or this machine's own; any port
"""

import ipaddress
import re
from dataclasses import dataclass

from colonnade.errors import InvalidArgument, PermissionDenied

_MAX_URL = 2048
_PORTS = {"http": 80, "https": 443}
_HOST = r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]"
_PATTERN = re.compile(
    rf"(https?)(\+private)?://(\*|\*\.[A-Za-z0-9._-]+|{_HOST})(?::([0-9]{{1,5}}|\*))?/?", re.ASCII
)
_URL = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?((?:/[!-~]*)?(?:\?[!-~]*)?)", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_FORBIDDEN = re.compile(r"[\\#<>\"^`{|}]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads, in normal form. ``private`` says that its addresses may be private ones."""

    scheme: str
    host: str
    port: int
    target: str
    private: bool = False

    @property
    def authority(self) -> str:
        """As in a ``Host`` header."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """The host as a connection or an address parser takes it."""
        return self.host.removeprefix("[").removesuffix("]")


@dataclass(frozen=True, slots=True)
class _Pattern:
    scheme: str
    host: str
    port: int  # 0 for every port
    private: bool

    def fits(self, place: Place) -> bool:
        if self.scheme != place.scheme or self.port not in (0, place.port):
            return False
        if self.host == "*":
            return True
        if self.host.startswith("*."):
            return place.host.endswith(self.host[1:]) and len(place.host) >= len(self.host)
        return self.host == place.host


@dataclass(frozen=True, slots=True)
class Allowed:
    """``setting`` is what a refusal tells the user to have changed."""

    patterns: tuple[_Pattern, ...]
    setting: str = ""

    @classmethod
    def parse(cls, text: str, setting: str = "") -> "Allowed":
        """Patterns separated by commas or blanks; see above. Of an empty text, nothing is allowed."""
        named = setting or "the list of allowed places"
        return cls(tuple(_pattern(part, named) for part in text.replace(",", " ").split()), setting)

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def place(self, url: str, field: str = "url") -> Place:
        """``InvalidArgument`` for what is no plain URL, ``PermissionDenied`` for what is not allowed."""
        place = _place(url, field)
        fitting = [pattern for pattern in self.patterns if pattern.fits(place)]
        if not fitting:
            remedy = f"; an operator allows it in {self.setting}" if self.setting else ""
            raise PermissionDenied(
                f"{place.scheme}://{place.authority} is not a place that may be reached from here{remedy}",
                field=field,
            )
        private = any(pattern.private for pattern in fitting)
        return Place(place.scheme, place.host, place.port, place.target, private)


def _pattern(text: str, named: str) -> _Pattern:
    shape = _PATTERN.fullmatch(text)
    if shape is None:
        raise InvalidArgument(
            f"{named} takes entries such as https://models.example.com or https://*.example.org:8443",
            field=named,
        )
    scheme, private, host, port = shape.groups()
    if host != "*":
        prefix = "*." if host.startswith("*.") else ""
        host = prefix + _normal_host(host.removeprefix("*."), named)
    number = 0 if port == "*" else int(port or _PORTS[scheme])
    if port != "*":
        _check_port(number, named)
    return _Pattern(scheme, host, number, bool(private))


def _place(url: str, field: str) -> Place:
    if len(url) > _MAX_URL:
        raise InvalidArgument(f"a URL has at most {_MAX_URL} characters", field=field, limit=_MAX_URL)
    if "@" in url.split("://", 1)[-1].split("/", 1)[0]:
        raise InvalidArgument("a URL must not carry a user name or password", field=field)
    shape = _URL.fullmatch(url)
    if shape is None or _FORBIDDEN.search(url):
        raise InvalidArgument(
            "not a URL such as https://models.example.com/poet.gguf: plain ASCII, no blanks, no fragment",
            field=field,
        )
    scheme, host, port, target = shape.groups()
    number = int(port or _PORTS[scheme])
    _check_port(number, field)
    target = target if target.startswith("/") else f"/{target}"
    return Place(scheme, _normal_host(host, field), number, target)


def _check_port(port: int, field: str) -> None:
    if not 0 < port < 65536:
        raise InvalidArgument("a port is a number from 1 to 65535", field=field)


def _normal_host(host: str, field: str) -> str:
    """In lower case, without a last dot. What reads as an address must be one in its usual spelling."""
    try:
        if host.startswith("["):
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        name = host.lower().removesuffix(".")
        labels = name.split(".")
        if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # 127.1 and 2130706433 are 127.0.0.1
            return str(ipaddress.IPv4Address(name))
    except ValueError:
        raise InvalidArgument("the URL's host is no address in its usual spelling", field=field) from None
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidArgument("the URL's host is no name of a host", field=field)
    return name
