"""Requests that were there when the engine died, and what is done with them when they come again."""

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from colonnade.errors import InvalidArgument
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
FATAL = 2
"""Deaths after which a request is refused."""
REMEMBERED = 1024
"""Suspects that are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Suspect:
    deaths: int
    last: float
    """Unix time."""


class CrashBook:
    """Suspects by fingerprint, kept in a small JSON file. Used on the event loop alone.

    An engine that is killed from outside in the middle of a forward makes suspects too. They run alone once,
    and are forgotten when they come through. A refusal ends after ``seconds``."""

    def __init__(self, path: Path, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._path, self._seconds, self._clock = path, seconds, clock
        self._suspects = self._read()

    def died_with(self, fingerprints: Iterable[bytes]) -> None:
        """Counts a death for all who were in its forward."""
        now = self._clock()
        for key in dict.fromkeys(each.hex() for each in fingerprints):
            deaths = self._suspects[key].deaths + 1 if key in self._suspects else 1
            self._suspects[key] = Suspect(deaths, now)
            _LOG.warning("request was in the forward that ended the engine", fingerprint=key, deaths=deaths)
        self._write()

    def suspected(self, fingerprint: bytes) -> bool:
        """Whether the request must run alone. Raises ``InvalidArgument`` if it must not run at all."""
        suspect = self._known(fingerprint)
        if suspect is None:
            return False
        if suspect.deaths >= FATAL:
            minutes = max(1, round((suspect.last + self._seconds - self._clock()) / 60))
            raise InvalidArgument(
                f"the engine died {suspect.deaths} times while it worked on this very request; it is refused "
                f"for another {minutes} minutes; change the prompt, or ask another model",
                field="prompt", limit=FATAL, fingerprint=fingerprint.hex()[:16],
            )  # fmt: skip
        return True

    def came_through(self, fingerprint: bytes) -> None:
        """The request ended as requests should: it was not the cause."""
        if self._suspects.pop(fingerprint.hex(), None):
            self._write()

    def __len__(self) -> int:
        return len(self._suspects)

    def _known(self, fingerprint: bytes) -> Suspect | None:
        suspect = self._suspects.get(fingerprint.hex())
        return suspect if suspect and self._clock() < suspect.last + self._seconds else None

    def _read(self) -> dict[str, Suspect]:
        try:
            held = json.loads(self._path.read_text())
            return {key: Suspect(**each) for key, each in held.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError):
            _LOG.warning("the record of crashes cannot be read and begins anew")
            return {}

    def _write(self) -> None:
        now = self._clock()
        fresh = {key: each for key, each in self._suspects.items() if now < each.last + self._seconds}
        newest = sorted(fresh, key=lambda key: fresh[key].last)[-REMEMBERED:]
        self._suspects = {key: fresh[key] for key in newest}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
            json.dump({key: asdict(each) for key, each in self._suspects.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)
