"""Clients that leave in the middle of an answer: how soon the engine knows, and what is left of them.

Ten thousand streams, each left once it has begun, through the real gateway and the real inference service to
a mock engine, which notes when it was told to stop. The clock is the machine's, the same for all processes.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from evidence.performance import targets
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import Sample, figure
from evidence.performance.gateways.load import leavers
from evidence.performance.gateways.processes import Chain, chain
from evidence.performance.gateways.upstream import MODEL
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import Spread, quantile
from evidence.performance.suite import Suite
from tests.harness.platform import eventually

TITLE = "Clients that leave"
COUNT, CLIENTS = 2000, 16
"""Streams a round, and how many at once."""
ROUNDS = 5
"""The first is not counted: it fills caches and pools."""
TOKEN_SECONDS = 0.02
_MIB, _MILLISECONDS = 1 << 20, 1e3
_WHAT = f"{COUNT} streams a round, {CLIENTS} at once, each left after its first event"


@dataclass(frozen=True, slots=True)
class State:
    """Of the platform's processes after a round."""

    gateway_bytes: int
    inference_bytes: int
    files: int
    seconds: list[float]
    """From leaving to the engine's being told, of every stream of the round, sorted."""
    wall: float


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), (suite.rounds or ROUNDS - 1) + 1
    with chain(slots=10 * CLIENTS, queue=0, token_seconds=TOKEN_SECONDS) as platform:
        states = [_round(platform, suite, index) for index in range(rounds)]
        unsettled = _unsettled(platform)
    return suite.result(
        "leavers", TITLE, _figures(states), _claims(states, unsettled), rounds=rounds, began=began, what=_WHAT
    )


def _round(platform: Chain, suite: Suite, index: int) -> State:
    began = time.monotonic()
    left = asyncio.run(leavers(platform.gateway.door, MODEL, clients=CLIENTS, count=COUNT))
    told = eventually(lambda: _told(platform, index), 60, "the engine knows of all that left")
    suite.tell(f"  round {index + 1}: {time.monotonic() - began:.0f} s")
    return State(
        platform.gateway.resident_bytes,
        platform.inference.resident_bytes,
        platform.gateway.open_files + platform.inference.open_files,
        sorted(at - left[number] for number, at in told.items()),
        time.monotonic() - began,
    )


def _told(platform: Chain, index: int) -> dict[int, float]:
    """When each stream of this round was ended, once all are."""
    notes = _notes(platform)[index * COUNT :]
    return {number: at for number, at, _ in notes} if len(notes) == COUNT else {}


def _notes(platform: Chain) -> list[tuple[int, float, int]]:
    return [tuple(json.loads(line)) for line in platform.notes.read_text().splitlines()]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What of ten thousand streams is still somewhere where nothing should be."""

    tokens: int
    """The engine's own count less the ledger's."""
    requests: int
    """That the gateway still thinks it answers."""


def _unsettled(platform: Chain) -> Unsettled:
    url = f"http://127.0.0.1:{platform.gateway.door.port}"
    generated = _notes(platform)[-1][2]

    def counted() -> int:
        found = int(httpx.get(f"{url}/usage", trust_env=False).json()["total"]["completion_tokens"])
        return found if found >= generated else 0

    tokens = generated - eventually(counted, 30, "the ledger has counted what was generated")
    metrics = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    flying = [line for line in metrics if line.startswith("colonnade_gateway_in_flight_requests ")]
    return Unsettled(tokens, int(float(flying[0].split()[1])) - 1)  # this very request is one


def _figures(states: Sequence[State]) -> list[Figure]:
    counted = states[1:]
    engine = Engine("colonnade", "Colonnade", "", "")
    series: Mapping[str, Sequence[float]] = {
        "ms until the engine is told, median": [_ms(each, 0.5) for each in counted],
        "ms until the engine is told, p99": [_ms(each, 0.99) for each in counted],
        "MiB of the gateway": [each.gateway_bytes / _MIB for each in counted],
        "MiB of the inference service": [each.inference_bytes / _MIB for each in counted],
        "open files": [float(each.files) for each in counted],
    }
    walls = [each.wall for each in counted]
    return [
        figure(
            engine, unit.split()[0], [Sample(*pair) for pair in zip(values, walls, strict=True)], name=unit
        )
        for unit, values in series.items()
    ]


def _ms(state: State, part: float) -> float:
    return _MILLISECONDS * quantile(state.seconds, part)


def _claims(states: Sequence[State], unsettled: Unsettled) -> list[Claim]:
    first, last = states[0], states[-1]
    count = (len(states) - 1) * COUNT
    grown = last.gateway_bytes + last.inference_bytes - first.gateway_bytes - first.inference_bytes
    return [
        claim(
            f"the engine is told within {targets.CANCEL_MS:g} ms (p99)", "colonnade", "nothing",
            Spread.of([_ms(each, 0.99) for each in states[1:]]), at_most=targets.CANCEL_MS,
        ),
        claim(
            f"MiB by which the two services have grown over {count} streams",
            "colonnade", "the first round", Spread.of([grown / _MIB]), at_most=targets.GROWTH_BYTES / _MIB,
        ),
        claim(
            "and have no more files open", "colonnade", "the first round",
            Spread.of([float(last.files - first.files)]), at_most=0.0,
        ),
        claim(
            "tokens that the engine generated and nobody was billed for", "the ledger", "the engine",
            Spread.of([float(abs(unsettled.tokens))]), at_most=0.0,
        ),
        claim(
            "requests that the gateway still takes for running", "colonnade", "nothing",
            Spread.of([float(unsettled.requests)]), at_most=0.0,
        ),
    ]  # fmt: skip
