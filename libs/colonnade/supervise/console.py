"""Where the web console listens, if it runs."""

import argparse
import importlib.util
from dataclasses import dataclass

from colonnade.supervise.defaults import CONSOLE_PORT


@dataclass(frozen=True, slots=True)
class Console:
    """On the gateway's host: who may call the one may see the other."""

    host: str = "127.0.0.1"
    port: int = CONSOLE_PORT

    @property
    def near(self) -> str:
        """The address to reach it at from this machine."""
        from colonnade.supervise.probe import loopback  # the command reads this module, and loads little

        return loopback(self.host)

    @property
    def listen(self) -> str:
        return f"{_shown(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{_shown(self.near)}:{self.port}"

    def arguments(self) -> list[str]:
        """For a supervisor that is another process; ``of`` reads them."""
        return ["--console-port", str(self.port)]

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--console-port", type=int, help="without it, no console")

    @classmethod
    def of(cls, given: argparse.Namespace) -> "Console | None":
        return cls(given.host, given.console_port) if given.console_port else None


def installed() -> bool:
    """Whether what its pages are made with is here."""
    return importlib.util.find_spec("nicegui") is not None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
