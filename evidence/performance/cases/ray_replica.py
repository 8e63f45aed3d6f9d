"""What Ray costs: streams from an engine that is a Ray replica, beside the same engine as a bare process.

In each round both platforms are started, one after the other, so that Ray's processes are there in its own
turn alone. The engines are asked directly; the platform around them only loads the model.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

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
BARE, RAY = "bare engine", "Ray replica"
STREAMS = {1: 96, 8: 48}
"""How many at once, and how many tokens each."""
_PROMPT, _REPEATS = 16, 5
_LOADED_SECONDS = 300

Rates = Mapping[int, Sample]


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 5
    with tempfile.TemporaryDirectory(prefix="cln-") as folder:
        home = Path(folder)
        _import(home)
        measures = {
            BARE: _measure(home, "engine", suite.threads),
            RAY: _measure(home, "engine-0", suite.threads, "--ray", "--replicas", "1"),
        }
        rates = alternate(measures, rounds, suite.tell)
    what = f"prompts of {_PROMPT} tokens; {_REPEATS} times a round " + " and ".join(
        f"{streams} x {tokens} greedy tokens" for streams, tokens in STREAMS.items()
    )
    figures = [found for name in measures for found in _figures(name, rates[name])]
    return suite.result("ray_replica", TITLE, figures, _claims(rates), rounds=rounds, began=began, what=what)


def _import(home: Path) -> None:
    """The bundled model, into a home that both share."""
    with running("--no-import", home=home) as platform:
        platform.command("models", "import", f"bundled:{DEFAULT}")


def _measure(home: Path, engine: str, threads: int, *arguments: str) -> Callable[[int], Rates]:
    address, told = f"unix:{home}/run/{engine}.sock", {"COLONNADE_ENGINE_THREADS": str(threads)}

    def sample(_: int) -> Rates:
        with running("--no-import", *arguments, home=home, **told) as platform:
            digest = eventually(lambda: _loaded(platform), _LOADED_SECONDS, "the model is loaded")
            return {streams: _sample(home, address, digest, streams) for streams in STREAMS}

    return sample


def _loaded(platform: Platform) -> str:
    """The model's digest, once the engine has it: its service loads it ahead of requests."""
    with platform.client() as http:
        engines = http.get("/engines").json()["engines"]
        if not any(each["models"] for each in engines):
            return ""
        digest: str = http.get(f"/models/{DEFAULT}").json()["versions"][0]["digest"]
        return digest


def _sample(home: Path, address: str, digest: str, streams: int) -> Sample:
    """The best of a few, after one that warms up."""
    began = time.perf_counter()
    rates = [
        rate(address, home / "identity", digest, prompts(streams, _PROMPT), STREAMS[streams])
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
