"""What Ray costs: streams from an engine that is a Ray replica, beside the same engine as a bare process.

Both platforms run all the while, one of them with a Ray cluster, and their engines are asked in turn: what
the cluster's own processes take of the machine, they take from both, and it is told apart. The engines are
asked directly; the platform around them only loads the model.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from colonnade.storage.bundled import DEFAULT
from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import Sample, figure
from evidence.performance.prompts import prompts
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import ratios
from evidence.performance.streaming import rate
from evidence.performance.suite import Suite
from tests.harness.platform import Platform, eventually, running

TITLE = "Ray replica"
BARE, RAY, CLUSTER = "bare engine", "Ray replica", "platform with its Ray cluster"
_RAY = ("--ray", "--replicas", "1")
STREAMS = {1: 96, 8: 48}
"""How many at once, and how many tokens each."""
_PROMPT, _REPEATS = 16, 3
_LOADED_SECONDS = 300
_IDLE_SECONDS, _SETTLED_PERCENT, _LONGEST_SECONDS = 5.0, 20.0, 120.0

Rates = Mapping[int, Sample]


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 9
    threads = str(suite.threads)
    with (
        running("--no-import", COLONNADE_ENGINE_THREADS=threads) as bare,
        running("--no-import", *_RAY, COLONNADE_ENGINE_THREADS=threads) as ray,
    ):
        measures = {
            BARE: _measure(bare, "engine"),
            RAY: _measure(ray, "engine-0"),
        }
        idle = _settled(ray)
        rates = alternate(measures, rounds, suite.tell)
    what = f"prompts of {_PROMPT} tokens; {_REPEATS} times a round " + " and ".join(
        f"{streams} x {tokens} greedy tokens" for streams, tokens in STREAMS.items()
    )
    figures = [found for name in measures for found in _figures(name, rates[name])]
    figures.append(figure(Engine(CLUSTER, "Ray", "", ""), "% of a core, idle", [idle], name=CLUSTER))
    return suite.result("ray_replica", TITLE, figures, _claims(rates), rounds=rounds, began=began, what=what)


def _measure(platform: Platform, engine: str) -> Callable[[int], Rates]:
    """Imports the bundled model and waits until the engine has it."""
    platform.command("models", "import", f"bundled:{DEFAULT}")
    address = f"unix:{platform.home}/run/{engine}.sock"
    digest = eventually(lambda: _loaded(platform), _LOADED_SECONDS, "the model is loaded")
    identity = platform.home / "identity"
    return lambda _: {streams: _sample(address, identity, digest, streams) for streams in STREAMS}


def _settled(ray: Platform) -> Sample:
    """What the whole platform with its cluster takes of a core while nobody asks anything, once that has
    become little: for its first minute a cluster is busy with itself."""
    began, used = time.perf_counter(), 100.0
    while used > _SETTLED_PERCENT and time.perf_counter() - began < _LONGEST_SECONDS:
        before, since = _cpu_seconds(ray), time.perf_counter()
        time.sleep(_IDLE_SECONDS)
        used = 100 * (_cpu_seconds(ray) - before) / (time.perf_counter() - since)
    return Sample(used, time.perf_counter() - began)


def _cpu_seconds(platform: Platform) -> float:
    """Of all its processes that live now."""
    root = psutil.Process(platform.process.pid)
    times = [each.cpu_times() for each in (root, *root.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _loaded(platform: Platform) -> str:
    """The model's digest, once the engine has it: its service loads it ahead of requests."""
    with platform.client() as http:
        engines = http.get("/engines").json()["engines"]
        if not any(each["models"] for each in engines):
            return ""
        digest: str = http.get(f"/models/{DEFAULT}").json()["versions"][0]["digest"]
        return digest


def _sample(address: str, identity: Path, digest: str, streams: int) -> Sample:
    """The best of a few, after one that warms up."""
    began = time.perf_counter()
    rates = [
        rate(address, identity, digest, prompts(streams, _PROMPT), STREAMS[streams])
        for _ in range(1 + _REPEATS)
    ]
    return Sample(max(rates[1:]), time.perf_counter() - began)


def _figures(name: str, rates: Sequence[Rates]) -> list[Figure]:
    engine = Engine(name, "Colonnade", "auto", "")
    return [
        figure(engine, "tokens/s", [each[streams] for each in rates], name=f"{name}, {_told(streams)}")
        for streams in STREAMS
    ]


def _claims(rates: Mapping[str, Sequence[Rates]]) -> list[Claim]:
    return [
        claim(
            f"{_told(streams)} from a Ray replica beside as many from the bare engine process",
            RAY, BARE,
            ratios(*([each[streams].value for each in rates[name]] for name in (RAY, BARE))),
            at_least=targets.RAY_TO_BARE,
        )
        for streams in STREAMS
    ]  # fmt: skip


def _told(streams: int) -> str:
    return "1 stream" if streams == 1 else f"{streams} streams"
