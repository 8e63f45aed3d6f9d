"""Thirty-two requests at once: tokens a second of all together."""

from evidence.performance.batch import compare
from evidence.performance.result import Result
from evidence.performance.suite import Suite
from evidence.performance.throughput import Load

TITLE = "Thirty-two streams"


def run(suite: Suite) -> Result:
    return compare(suite, "batch_32", TITLE, Load.generation(32, 24), rounds=3)
