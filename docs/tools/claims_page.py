"""Writes docs/claims.md and its pictures from ``evidence/results/claims``; run with ``make claims-page``."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from docs.tools import claims_bias, claims_guard, claims_judge, claims_pii, claims_reward
from docs.tools.performance_page import DOCS
from evidence.performance.engines.process import ROOT

RESULTS = ROOT / "evidence" / "results" / "claims"
PAGE = "claims.md"
_SECTIONS: Mapping[str, Callable[[dict[str, Any]], tuple[str, dict[str, str]]]] = {
    "guard": claims_guard.section,
    "pii": claims_pii.section,
    "judge": claims_judge.section,
    "bias": claims_bias.section,
    "reward": claims_reward.section,
}
"""By the name of their results, in the order of the page."""


def render(results: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """The page and its pictures, by their paths in docs."""
    parts, pictures = ["# Claims\n"], {}
    for name, section in _SECTIONS.items():
        if name in results:
            text, drawn = section(results[name])
            parts.append(text)
            pictures.update(drawn)
    return {PAGE: "\n".join(parts), **pictures}


def read() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def main() -> None:
    for path, content in render(read()).items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(content)


if __name__ == "__main__":
    main()
