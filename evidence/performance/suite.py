"""What every case needs: rounds, engines that start when they are needed, the machine's limits, progress."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.performance import machine
from evidence.performance.engines.catalog import Engine, engines
from evidence.performance.engines.process import EngineProcess, NotRun
from evidence.performance.result import RESULTS, Budget, Claim, Figure, Result


@dataclass
class Suite:
    threads: int
    rounds: int | None = None
    """None: as many as each case thinks sensible."""
    device: str = "cpu"
    results: Path = RESULTS
    _limits: dict[str, float] = field(default_factory=dict)
    _processes: dict[str, EngineProcess] = field(default_factory=dict)

    def tell(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress of a command

    def engines(self, streams: int = 1) -> dict[str, Engine]:
        return engines(self.threads, streams, self.device)

    def started(
        self, wanted: Sequence[Engine], **more: Any
    ) -> tuple[dict[str, EngineProcess], dict[str, str]]:
        """The processes of those engines that run here, and why the others do not. A process stays for the
        cases to come, as some take minutes to load."""
        running: dict[str, EngineProcess] = {}
        refused: dict[str, str] = {}
        for engine in wanted:
            try:
                running[engine.name] = self._process(engine, more)
            except NotRun as reason:
                self.tell(f"  not run: {engine.name}: {reason}")
                refused[engine.name] = str(reason)
        return running, refused

    def close(self) -> None:
        """Ends all processes."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def _process(self, engine: Engine, more: Mapping[str, Any]) -> EngineProcess:
        key = json.dumps([engine.name, {**engine.options, **more}])
        if key not in self._processes:
            self.tell(f"  starting {engine.name}")
            self._processes[key] = engine.start(**more)
        return self._processes[key]

    def limit(self, name: str, /, **arguments: Any) -> float:
        """One of ``limits.Limits``' figures, measured once a run."""
        key = " ".join([name, *(str(value) for value in arguments.values())])
        if key not in self._limits:
            self.tell(f"  limit: {key}")
            probe = Engine(
                "limits", "torch", "", "evidence.performance.limits",
                options={"threads": self.threads, "device": self.device},
            )  # fmt: skip
            with probe.start() as process:
                self._limits[key] = float(process.call(name, **arguments).result)
        return self._limits[key]

    def result(
        self,
        case: str,
        title: str,
        figures: Sequence[Figure],
        claims: Sequence[Claim],
        *,
        rounds: int,
        began: float,
        what: str,
        **more: Any,
    ) -> Result:
        """The case's result with all that is the same for every case."""
        return Result(
            case=case,
            title=title,
            figures=list(figures),
            claims=list(claims),
            holds=all(claim.holds for claim in claims),
            budget=Budget(rounds=rounds, seconds=round(time.monotonic() - began, 1), what=what),
            limits={name: float(f"{value:.4g}") for name, value in self._limits.items()},
            machine=_plain(machine.describe(self.threads)),
            commit=machine.commit(),
            measured=machine.now(),
            **more,
        )


def _plain(described: Mapping[str, object]) -> Any:
    return dict(described)
