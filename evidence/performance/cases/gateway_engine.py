"""The same before a real model: what the platform's own gateway spends on its engine's answers, and what
LiteLLM's proxy spends on passing them on.

LiteLLM speaks HTTP to what is behind it, which here is the platform's own door; only its own processor time
is counted against it, as only the gateway's is counted against the gateway.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import Sample, figure, missing
from evidence.performance.gateways.cost import Cost, Load, cost
from evidence.performance.gateways.load import Door
from evidence.performance.gateways.processes import LITELLM, Running, litellm
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import ratios
from evidence.performance.suite import Suite
from tests.harness.platform import Platform, eventually, running

TITLE = "Gateway before the engine"
OURS, PEER = "colonnade", "litellm"
MODEL = "smollm2-135m-instruct"
LOAD = Load(MODEL, clients=4, requests=48, tokens=32, more={"logit_bias": {"0": -100, "2": -100}})
"""No end token: every answer has its full length."""
PARTS: Mapping[str, Callable[[Cost], float]] = {
    "a request": lambda cost: cost.request,
    "a streamed token": lambda cost: cost.token,
}
_MICROSECONDS = 1e6


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    with running(COLONNADE_ENGINE_THREADS=str(suite.threads)) as platform, ExitStack() as stack:
        log = platform.home / "up.log"
        eventually(lambda: "curl" in log.read_text(), 300, "the bundled model is imported")
        doors = {OURS: _gateway(platform)}
        if LITELLM.exists():
            port = doors[OURS].door.port
            doors[PEER] = stack.enter_context(litellm(platform.home, port, MODEL))
        measures = {name: _measure(each) for name, each in doors.items()}
        for measure in measures.values():
            measure(0)
        costs = alternate(measures, rounds, suite.tell)
    what = (
        f"{LOAD.clients} clients, {LOAD.requests} answers of 1 token, streams of 1 and of {LOAD.tokens + 1}"
    )
    return suite.result(
        "gateway_engine", TITLE, _figures(costs), _claims(costs), rounds=rounds, began=began, what=what
    )


def _figures(costs: Mapping[str, Sequence[Cost]]) -> list[Figure]:
    found = []
    for name, product in ((OURS, "Colonnade"), (PEER, "LiteLLM")):
        engine = Engine(name, product, "", "")
        for what, part in PARTS.items():
            unit, said = f"\u00b5s {what}", f"{name}, {what}"
            if name in costs:
                samples = [Sample(_MICROSECONDS * part(each), each.wall) for each in costs[name]]
                found.append(figure(engine, unit, samples, name=said))
            else:
                found.append(missing(engine, unit, "run: make evidence-peers", name=said))
    return found


def _claims(costs: Mapping[str, Sequence[Cost]]) -> list[Claim]:
    if PEER not in costs:
        return []
    shares = {
        what: ratios(list(map(part, costs[OURS])), list(map(part, costs[PEER])))
        for what, part in PARTS.items()
    }
    return [
        claim(
            f"processor time {what}, beside LiteLLM's", OURS, PEER, share, at_most=targets.GATEWAY_TO_LITELLM
        )
        for what, share in shares.items()
    ]


def _gateway(platform: Platform) -> Running:
    return Running(Door(urlsplit(platform.url).port or 0), platform.pid("gateway"))


def _measure(door: Running) -> Callable[[int], Cost]:
    return lambda _: cost(door, LOAD)
