"""Where the platform is, who asks, and how patiently."""

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from colonnade.errors import InvalidArgument
from colonnade.security.network import is_loopback
from colonnade.supervise.defaults import GATEWAY_PORT

DEFAULT_URL = f"http://127.0.0.1:{GATEWAY_PORT}"


@dataclass(frozen=True, slots=True)
class Configuration:
    base_url: str
    api_key: str | None = field(repr=False)
    timeout: float
    """Seconds until the first byte of an answer, and between the chunks of a stream."""
    max_retries: int

    @property
    def loopback(self) -> bool:
        return is_loopback(urlsplit(self.base_url).hostname or "")


def configure(base_url: str | None, api_key: str | None, timeout: float, max_retries: int) -> Configuration:
    """Arguments first, then COLONNADE_URL and COLONNADE_API_KEY, then the platform on this machine.

    An ``api_key`` that is empty is none, whatever the environment says.
    """
    url = base_url or os.environ.get("COLONNADE_URL") or DEFAULT_URL
    key = (os.environ.get("COLONNADE_API_KEY") if api_key is None else api_key) or None
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise InvalidArgument(
            "api_key must be one line of printable ASCII, as the platform printed it", field="api_key"
        )
    if not timeout > 0:
        raise InvalidArgument("timeout must be more than 0 seconds", field="timeout")
    if max_retries < 0:
        raise InvalidArgument("max_retries must be 0 or more", field="max_retries")
    return Configuration(_checked(url), key, timeout, max_retries)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InvalidArgument(
            "base_url must look like http://127.0.0.1:8080 or https://llm.example.org", field="base_url"
        )
    return url.rstrip("/")
