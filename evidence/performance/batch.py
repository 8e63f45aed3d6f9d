"""What the cases with several streams share: everyone measured, the default settings beside the best peer."""

import time

from evidence.performance import targets
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import ratios
from evidence.performance.suite import Suite
from evidence.performance.throughput import Load, best_peer, measure

OURS = "colonnade auto"
"""What a user gets who sets nothing; for this model that is int4."""


def compare(suite: Suite, case: str, title: str, load: Load, rounds: int) -> Result:
    began, rounds = time.monotonic(), suite.rounds or rounds
    wanted = [each for each in suite.engines(load.streams).values() if each.name != "colonnade int4"]
    figures = measure(suite, wanted, load, rounds, keep=[OURS])
    says = f"with default settings, at least {targets.BATCH_TO_BEST_PEER} times the best peer"
    claims = beside_best_peer(figures, says, targets.BATCH_TO_BEST_PEER)
    return suite.result(
        case, title, list(figures.values()), claims, rounds=rounds, began=began, what=str(load)
    )


def beside_best_peer(figures: dict[str, Figure], says: str, at_least: float) -> list[Claim]:
    ours, peer = figures[OURS], best_peer(figures)
    if peer is None or not ours.samples:
        return []
    return [claim(says, ours.engine, peer.engine, ratios(ours.samples, peer.samples), at_least=at_least)]
