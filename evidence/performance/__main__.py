"""``python -m evidence.performance [CASE ...]``: measures, and writes ``evidence/results/performance``."""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from colonnade.supervise.machine import usable_cpus
from evidence.performance import model
from evidence.performance.cases import CASES, ON_A_GPU
from evidence.performance.result import RESULTS, Result
from evidence.performance.suite import Suite


class Case(Protocol):
    """What a file in ``cases`` is."""

    TITLE: str

    def run(self, suite: Suite) -> Result: ...


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    suite = Suite(
        threads=options.threads, rounds=options.rounds, device=options.device, results=options.results
    )
    suite.tell(f"converting {model.gguf().name}")
    model.converted()
    try:
        for number, name in enumerate(options.cases, start=1):
            suite.tell(f"[{number} of {len(options.cases)}] {name}")
            _measure(suite, name)
    finally:
        suite.close()
    return 0


def _measure(suite: Suite, name: str) -> None:
    began = time.monotonic()
    case = cast("Case", importlib.import_module(f"evidence.performance.cases.{name}"))
    result = case.run(suite)
    path = result.write(suite.results)
    judged = [
        f"{each.measured.median:.3g} {'holds' if each.holds else 'FALLS SHORT'}" for each in result.claims
    ]
    suite.tell(f"  {path.name} after {time.monotonic() - began:.0f} s: {', '.join(judged) or 'no line'}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evidence.performance", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all if none is named"
    )
    parser.add_argument("--rounds", type=int, help="instead of as many as each case thinks sensible")
    parser.add_argument("--threads", type=int, default=usable_cpus(), help="of every engine")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder to write to")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.cases) - {*CASES, *ON_A_GPU}):
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join((*CASES, *ON_A_GPU))}")
    options.cases = options.cases or list(CASES if options.device == "cpu" else ON_A_GPU)
    return options


if __name__ == "__main__":
    sys.exit(main())
