"""The suite's side of the conversation with an engine's process.

An engine that is not asked anything is stopped (SIGSTOP), so that threads which spin while they wait take
nothing from the engine whose turn it is.
"""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
_CLOSING_SECONDS = 20


class NotRun(Exception):
    """The engine cannot be measured on this machine; says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine answered and what it took."""

    result: Any
    wall: float
    cpu: float
    """User and system seconds of the engine's process."""


class EngineProcess:
    def __init__(
        self,
        python: Path,
        module: str,
        options: Mapping[str, Any],
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        """Starts ``python -m module`` and has it load. Raises ``NotRun`` if it cannot."""
        if not python.exists():
            raise NotRun("its environment is not there; run: make evidence-peers")
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            [str(python), "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env={**os.environ, **environment},
            text=True,
            start_new_session=True,
        )
        try:
            self._ask("make", options)
        except BaseException:
            self.close()
            raise
        self._signal(signal.SIGSTOP)

    def call(self, name: str, /, **arguments: Any) -> Answer:
        """Asks the engine, which runs only meanwhile. Raises ``NotRun`` with what it said if it fails."""
        self._signal(signal.SIGCONT)
        try:
            answer = self._ask(name, arguments)
        finally:
            self._signal(signal.SIGSTOP)
        return Answer(answer["result"], answer["wall"], answer["cpu"])

    def close(self) -> None:
        """Ends the process and all that it started."""
        self._signal(signal.SIGCONT)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        try:
            self._process.wait(_CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"call": name, "with": arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise NotRun(f"its process ended with status {self._process.wait()}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NotRun(answer["error"])
        return answer

    def _last_words(self) -> str:
        lines = Path(self._log.name).read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def _signal(self, what: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, what)
