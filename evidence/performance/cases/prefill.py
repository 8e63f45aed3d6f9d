"""A long prompt and one token of answer: its tokens a second, beside peers and the machine's limit."""

import time

from evidence.performance import limits, targets
from evidence.performance.batch import OURS, beside_best_peer
from evidence.performance.figures import with_limit
from evidence.performance.result import Claim, Figure, Result
from evidence.performance.suite import Suite
from evidence.performance.throughput import Load, measure

TITLE = "Prefill"
LENGTHS = (512, 1024)
_LEFT_OUT = ("transformers batching", "colonnade int4")


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 3
    figures: list[Figure] = []
    claims: list[Claim] = []
    for length in LENGTHS:
        found = _measure(suite, length, rounds)
        says = f"{length} tokens: with default settings, at least the best peer"
        claims += beside_best_peer(found, says, targets.PREFILL_TO_BEST_PEER)
        figures += [each.model_copy(update={"engine": f"{each.engine}, {length}"}) for each in found.values()]
    what = " and ".join(str(Load.prefill(length)) for length in LENGTHS)
    return suite.result("prefill", TITLE, figures, claims, rounds=rounds, began=began, what=what)


def _measure(suite: Suite, length: int, rounds: int) -> dict[str, Figure]:
    wanted = [each for each in suite.engines().values() if each.name not in _LEFT_OUT]
    found = measure(suite, wanted, Load.prefill(length), rounds, keep=[OURS])
    rate = suite.limit("compute", dtype="float32", rows=length)
    most = rate / (2 * (limits.PARAMETERS - limits.HEAD[0] * limits.HEAD[1]))
    what = "operations of the layers over the rate of float32 products of the same shapes"
    return {
        name: with_limit(each, what, most) if name in (OURS, "colonnade float32") else each
        for name, each in found.items()
    }
