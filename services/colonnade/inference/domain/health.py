"""Who is left out for a while: versions that fail on an engine, and engines that fail.

A breaker stands between each engine's process and each version: a version that fails there is not sent there,
the others are. An engine that fails whatever it is sent is ejected, as an outlier among its fellows. Both let
one request through after a while, whose end decides. However many fail, only a share of all engines is ever
left out: where everything fails, the fault is not in the engines, and leaving them out mends nothing.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from colonnade.inference.domain.engines import EngineView, Run
from colonnade.inference.domain.gates import Gate, State
from colonnade.inference.domain.windows import Window

_OK, _FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class HealthLimits:
    breaker_failures: int = 5
    """In a row, that open the breaker of a version on an engine."""
    breaker_seconds: float = 5.0
    """How long it is open the first time; twice as long each time after that."""
    eject_failures: int = 5
    """In a row, that eject an engine."""
    eject_share: float = 0.5
    """Of the requests of the window: more failures than that eject an engine too."""
    eject_seconds: float = 5.0
    """How long it is left out the first time; twice as long each time after that."""
    eject_at_most: float = 0.5
    """Of the engines that are ready: no more are left out at once."""
    window_seconds: float = 30.0
    window_least: int = 20
    """Requests in the window below which their share of failures says nothing."""
    longest_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A breaker that is not closed."""

    digest: str
    state: State
    seconds: float
    """Until it is half open."""


class _Version:
    def __init__(self, limits: HealthLimits) -> None:
        self.gate = Gate(limits.breaker_seconds, limits.longest_seconds)
        self.failures = 0


class _Engine:
    def __init__(self, limits: HealthLimits) -> None:
        self.gate = Gate(limits.eject_seconds, limits.longest_seconds)
        self.failures = 0
        self.window = Window(limits.window_seconds)
        self.instance = ""
        self.versions: dict[str, _Version] = {}
        """Of the present process, those that ever failed: another one begins with all breakers closed."""

    def left(self, digest: str, now: float) -> float:
        """Seconds until a version may be tried here."""
        version = self.versions.get(digest)
        return max(self.gate.left(now), version.gate.left(now) if version else 0.0)


class Trial:
    """One request on an engine, until it is known how it went. ``ended`` may come more than once: an answer
    that began well may break off."""

    def __init__(self, health: "Health", run: Run, digest: str, probes: tuple[bool, bool]) -> None:
        self._health = health
        self.run = run
        self.digest = digest
        self.probes = probes
        """Whether its end decides for the engine, and for the version there."""

    def ended(self, well: bool | None) -> None:
        """``None``: it came to nothing that tells, as where the caller left."""
        self._health.judge(self, well)
        self.probes = (False, False)


class Health:
    """Of all engines, by address."""

    def __init__(self, limits: HealthLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._engines: dict[str, _Engine] = {}

    def fit(self, engines: Iterable[EngineView], digest: str) -> list[EngineView]:
        """Of the ready ones, those that may be sent a request of this version now."""
        ready = [engine for engine in engines if engine.ready]
        out, now = self.ejected(ready), self._clock()
        return [
            engine for engine in ready if engine.address not in out and self._passes(engine.run, digest, now)
        ]

    def ejected(self, ready: Sequence[EngineView]) -> dict[str, float]:
        """Who of these is left out, and for how many seconds more; never more than the share allows, those
        first that failed first."""
        now, allowed = self._clock(), math.floor(self.limits.eject_at_most * len(ready))
        gates = [
            (engine.address, self._engines[engine.address].gate)
            for engine in ready
            if engine.address in self._engines and not self._engines[engine.address].gate.admits(now)
        ]
        gates.sort(key=lambda each: (each[1].opened_at, each[0]))
        return {address: gate.left(now) for address, gate in gates[:allowed]}

    def begin(self, run: Run, digest: str) -> Trial:
        """A request goes to an engine."""
        engine, now = self._of(run), self._clock()
        version = engine.versions.get(digest)
        probes = (engine.gate.enter(now), version is not None and version.gate.enter(now))
        return Trial(self, run, digest, probes)

    def judge(self, trial: Trial, well: bool | None) -> None:
        """Called by ``Trial.ended``."""
        engine, now = self._engines.get(trial.run[0]), self._clock()
        if engine is None:
            return
        self._judge_engine(engine, trial.probes[0], well, now)
        if engine.instance == trial.run[1] and (well is False or trial.digest in engine.versions):
            version = engine.versions.setdefault(trial.digest, _Version(self.limits))
            self._judge_version(version, trial.probes[1], well, now)
            if not version.failures and not version.gate.opened:
                del engine.versions[trial.digest]

    def breakers(self, run: Run) -> list[BreakerView]:
        """Those of a process that are not closed."""
        engine, now = self._engines.get(run[0]), self._clock()
        if engine is None or engine.instance != run[1]:
            return []
        return [
            BreakerView(digest, version.gate.state(now), version.gate.left(now))
            for digest, version in sorted(engine.versions.items())
            if version.gate.state(now) is not State.CLOSED
        ]

    def soonest(self, engines: Iterable[EngineView], digest: str) -> float:
        """Seconds until one of these may be tried again with the version."""
        now = self._clock()
        known = [self._engines[each.address] for each in engines if each.address in self._engines]
        return min((each.left(digest, now) for each in known), default=0.0)

    def forget(self, address: str) -> None:
        self._engines.pop(address, None)

    def _of(self, run: Run) -> _Engine:
        engine = self._engines.setdefault(run[0], _Engine(self.limits))
        if engine.instance != run[1]:
            engine.instance, engine.versions = run[1], {}
        return engine

    def _passes(self, run: Run, digest: str, now: float) -> bool:
        engine = self._engines.get(run[0])
        if engine is None or engine.instance != run[1] or digest not in engine.versions:
            return True
        return engine.versions[digest].gate.admits(now)

    def _judge_engine(self, engine: _Engine, probe: bool, well: bool | None, now: float) -> None:
        if well is None:
            if probe:
                engine.gate.undecided()
            return
        engine.window.add(now, _OK if well else _FAILED)
        engine.failures = 0 if well else engine.failures + 1
        if well and probe:
            engine.gate.close(now)
            engine.window.clear()
        elif not well and (probe or self._is_outlier(engine, now)):
            engine.gate.open(now)

    def _is_outlier(self, engine: _Engine, now: float) -> bool:
        if engine.gate.state(now) is not State.CLOSED:
            return False  # those that began before it was left out decide nothing
        if engine.failures >= self.limits.eject_failures:
            return True
        good, bad = engine.window.totals(now)
        return good + bad >= self.limits.window_least and bad > self.limits.eject_share * (good + bad)

    def _judge_version(self, version: _Version, probe: bool, well: bool | None, now: float) -> None:
        if well is None:
            if probe:
                version.gate.undecided()
            return
        version.failures = 0 if well else version.failures + 1
        if well and probe:
            version.gate.close(now)
        elif not well and (
            probe
            or (version.gate.state(now) is State.CLOSED and version.failures >= self.limits.breaker_failures)
        ):
            version.gate.open(now)
