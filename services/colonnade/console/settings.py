"""The console's settings: the only reader of its environment."""

from typing import ClassVar

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from colonnade.client.configuration import DEFAULT_URL, configure
from colonnade.errors import ColonnadeError
from colonnade.rpc import ProcessSettings
from colonnade.security.network import LOOPBACK_HOSTS, is_local_address
from colonnade.supervise.defaults import CONSOLE_PORT


class ConsoleSettings(ProcessSettings):
    """Prefix ``COLONNADE_CONSOLE_``."""

    model_config = SettingsConfigDict(
        env_prefix="COLONNADE_CONSOLE_", frozen=True, extra="ignore", hide_input_in_errors=True
    )
    service: ClassVar[str] = "console"

    listen: str = f"127.0.0.1:{CONSOLE_PORT}"
    gateway_url: str = DEFAULT_URL
    """The gateway's public address, as the console reaches it."""
    gateway_seconds: float = Field(default=300.0, gt=0)
    """Until the first byte of an answer, and between the chunks of a stream."""
    session_seconds: float = Field(default=28800.0, ge=60, le=604800)
    """From sign-in to the end of a session."""
    max_sessions: int = Field(default=1000, ge=1)
    """At once; the one that ends first makes room."""
    sign_ins_per_minute: int = Field(default=5, ge=1)
    """Wrong keys from one address; twenty times as many from all together."""
    allowed_hosts: str = ""
    """Names that may stand in ``Host``, by commas; empty: loopback names on a loopback address, else any."""

    @field_validator("gateway_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        try:
            return configure(url, "", 1.0, 0).base_url
        except ColonnadeError as error:
            raise ValueError(error.message.replace("base_url", "it")) from None

    @property
    def local(self) -> bool:
        """Whether this machine alone can call; only then may an open gateway's rights be passed on."""
        return is_local_address(self.listen)

    @property
    def hosts(self) -> tuple[str, ...]:
        listed = tuple(part.strip() for part in self.allowed_hosts.split(",") if part.strip())
        return listed or (LOOPBACK_HOSTS if self.local else ("*",))
