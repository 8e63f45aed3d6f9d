"""What a forward costs by its rows, as measured while serving.

Where weights are read from memory once a forward, a second row is nearly free and guesses pay; where the
machine is busy computing, each row costs the same and they do not. Nobody can know beforehand which holds for
a model, a precision, a machine and a batch, so it is measured.
"""

MAX_ROWS = 128
"""Forwards of more rows are prompts, and are not counted."""
ROW = 0.1
"""What a further row is taken to cost of a forward of one row, until it was measured."""
STALE = 500
"""Forwards after which a measurement that was not repeated is forgotten."""
_DOWN, _UP = 0.5, 0.05
"""Weights of a measurement below and above what is known: other processes can only add to what a forward
takes, so the low ones tell more."""
_OUTLIER = 3.0
"""A measurement counts as this many times the known at most."""


class RowCosts:
    """Seconds of a forward by its number of rows."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._seen: dict[int, int] = {}
        self._forwards = 0

    def observe(self, rows: int, seconds: float) -> None:
        if not 1 <= rows <= MAX_ROWS:
            return
        self._forwards += 1
        self._seconds[rows] = smoothed(self._seconds.get(rows, seconds), seconds)
        self._seen[rows] = self._forwards

    def seconds(self, rows: int) -> float:
        """Measured, or between its measured neighbours, or beyond the last one at the assumed price a row.

        Before any measurement, in units of a forward of one row."""
        fresh = [known for known in self._seconds if self._forwards - self._seen[known] < STALE]
        below = max((known for known in fresh if known <= rows), default=None)
        above = min((known for known in fresh if known >= rows), default=None)
        if below is not None and above is not None:
            share = (rows - below) / (above - below) if above > below else 0.0
            low, high = self._seconds[below], self._seconds[above]
            return low + share * max(0.0, high - low)
        anchor = below or above
        if anchor is None:
            return _assumed(rows)
        return self._seconds[anchor] * _assumed(rows) / _assumed(anchor)


def smoothed(known: float, measured: float) -> float:
    weight = _DOWN if measured < known else _UP
    return known + weight * (min(measured, _OUTLIER * known) - known)


def _assumed(rows: int) -> float:
    return 1.0 + ROW * (rows - 1)
