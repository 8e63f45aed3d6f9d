"""Eight requests at once: tokens a second of all together."""

from evidence.performance.batch import compare
from evidence.performance.result import Result
from evidence.performance.suite import Suite
from evidence.performance.throughput import Load

TITLE = "Eight streams"


def run(suite: Suite) -> Result:
    return compare(suite, "batch_8", TITLE, Load.generation(8, 48), rounds=4)
