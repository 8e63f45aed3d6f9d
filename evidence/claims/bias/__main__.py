"""``python -m evidence.claims.bias``: a report by each set; writes ``evidence/results/claims/bias.json``."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from colonnade.client import Colonnade
from colonnade.client.results.bias import BiasReport
from evidence.claims.bias import sets
from evidence.claims.serving import SMOLLM2, serving, tell
from evidence.performance import machine
from evidence.performance.engines.process import ROOT

RESULT = ROOT / "evidence" / "results" / "claims" / "bias.json"
_LOOK_SECONDS = 10.0


def main() -> int:
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        sets.write(Path(folder))
        with serving(bias_sets=folder) as client:
            reports = {name: _reported(client, name) for name in sets.NAMES}
    result: dict[str, Any] = {
        "model": "SmolLM2-135M-Instruct",
        "digest": next(iter(reports.values())).digest,
        "probes": {name: each.total for name, each in reports.items()},
        "figures": [_figure(figure) for each in reports.values() for figure in asdict(each)["figures"]],
        "seconds": round(time.monotonic() - began, 1),
        "commit": machine.commit(),
        "measured": machine.now(),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _reported(client: Colonnade, name: str) -> BiasReport:
    """Raises ``RuntimeError`` where the report fails."""
    report = client.bias.report(SMOLLM2, sets=[name])
    while not report.ended:
        time.sleep(_LOOK_SECONDS)
        report = client.bias.get(report.id)
        tell(f"{name}: {report.done} of {report.total}")
    if report.state != "done":
        raise RuntimeError(f"the report by {name} failed: {report.why}")
    return report


def _figure(figure: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in figure.items()}


if __name__ == "__main__":
    sys.exit(main())
