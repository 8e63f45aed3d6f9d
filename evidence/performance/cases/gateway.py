"""What a gateway costs: processor time a request and a streamed token, and how much later an answer comes.

One mock upstream, whose answers begin after a quarter of a second, give or take half of it, as an engine's
do (if all took the same time, the clients would walk in step and arrive in crowds); so many clients ask
again and again. Processor time is that of the gateway's processes, read from outside. The floor is the
upstream itself asked without a gateway: raw ASGI, its frames rendered beforehand.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from evidence.performance import targets
from evidence.performance.alternation import alternate
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import Sample, figure, missing
from evidence.performance.gateways.cost import Cost, Load, cost
from evidence.performance.gateways.processes import LITELLM, Running, colonnade, litellm, upstream
from evidence.performance.gateways.upstream import MODEL
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import Spread, ratios
from evidence.performance.suite import Suite

TITLE = "Gateway"
FLOOR, OURS, PEER = "raw ASGI", "colonnade", "litellm"
CLIENTS, DELAY_SECONDS, TOKENS = 32, 0.25, 64
REQUESTS = 768
"""A measurement."""
LOAD = Load(MODEL, CLIENTS, REQUESTS, TOKENS)
_MICROSECONDS, _MILLISECONDS = 1e6, 1e3


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    with ExitStack() as stack:
        behind = stack.enter_context(upstream(DELAY_SECONDS))
        running = {FLOOR: behind.running, OURS: stack.enter_context(colonnade(behind))}
        if LITELLM.exists():
            running[PEER] = stack.enter_context(litellm(behind.home, behind.running.door.port, MODEL))
        for each in running.values():
            cost(each, LOAD)
        measures = {name: _measure(each) for name, each in running.items()}
        costs = alternate(measures, rounds, suite.tell)
    what = f"{CLIENTS} clients, {REQUESTS} answers of 1 token and as many streams of 1 and of {TOKENS + 1}"
    figures = [found for name in (FLOOR, OURS, PEER) for found in _figures(name, costs.get(name))]
    return suite.result("gateway", TITLE, figures, _claims(costs), rounds=rounds, began=began, what=what)


def _measure(running: Running) -> Callable[[int], Cost]:
    return lambda _: cost(running, LOAD)


def _figures(name: str, costs: Sequence[Cost] | None) -> list[Figure]:
    engine = Engine(name, {OURS: "Colonnade", PEER: "LiteLLM"}.get(name, "uvicorn"), "", "")
    units = ("µs a request", "µs a token", "ms to the first byte")
    if costs is None:
        why = "its environment is not there; run: make evidence-peers"
        return [missing(engine, unit, why, name=f"{name}, {unit}") for unit in units]
    values = (
        [each.request * _MICROSECONDS for each in costs],
        [each.token * _MICROSECONDS for each in costs],
        [each.first * _MILLISECONDS for each in costs],
    )
    walls = [each.wall for each in costs]
    return [
        figure(
            engine, unit, [Sample(value, wall) for value, wall in zip(of_unit, walls, strict=True)],
            name=f"{name}, {unit}",
        )
        for unit, of_unit in zip(units, values, strict=True)
    ]  # fmt: skip


def _claims(costs: Mapping[str, Sequence[Cost]]) -> list[Claim]:
    ours, floor, peer = costs[OURS], costs[FLOOR], costs.get(PEER)
    later = Spread.of(
        [_MILLISECONDS * (each.first - other.first) for each, other in zip(ours, floor, strict=True)]
    )
    added = claim(
        f"at {CLIENTS} clients, answers begin at most {targets.GATEWAY_ADDED_MS:g} ms later than without it",
        OURS, FLOOR, later, at_most=targets.GATEWAY_ADDED_MS,
    )  # fmt: skip
    if peer is None:
        return [added]
    request = ratios([each.request for each in ours], [each.request for each in peer])
    token = ratios([each.token for each in ours], [each.token for each in peer])
    share = targets.GATEWAY_TO_LITELLM
    return [
        claim("processor time a request, beside LiteLLM's", OURS, PEER, request, at_most=share),
        claim("processor time a streamed token, beside LiteLLM's", OURS, PEER, token, at_most=share),
        added,
    ]
