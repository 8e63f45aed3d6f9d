"""Colonnade's speculation with a fixed number of guesses a step, and a record of what each step was."""

from statistics import median
from typing import Any

from colonnade.engine.speculation.lengths import Fixed


class Recorded(Fixed):
    """As ``Fixed``; remembers every verification, and what forwards took."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._verified: list[tuple[int, int]] = []
        self._seconds: dict[int, list[float]] = {}

    def heard(self, proposed: int, accepted: int) -> None:
        self._verified.append((proposed, accepted))

    def forwarded(self, rows: int, seconds: float) -> None:
        self._seconds.setdefault(rows, []).append(seconds)

    def record(self) -> dict[str, Any]:
        """Verifications as (proposed, accepted), and the median seconds of forwards by their rows."""
        return {
            "verified": self._verified,
            "plain_steps": len(self._seconds.get(1, [])),
            "seconds": {str(rows): median(each) for rows, each in self._seconds.items()},
        }
