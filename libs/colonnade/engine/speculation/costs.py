"""What a forward costs by its rows, as measured while serving.

Where weights are read from memory once a forward, a second row is nearly free and guesses pay; where the
machine is busy computing, each row costs the same and they do not. Nobody can know beforehand which holds for
a model, a precision, a machine and a batch, so it is measured.
"""

MAX_ROWS = 128
"""Forwards of more rows are prompts, and are not counted."""
ROW = 0.1
"""What a further row is taken to cost of a forward of one row, until it was measured."""
_WEIGHT = 0.2
"""Of the newest measurement."""
_OUTLIER = 3.0
"""A measurement counts as this many times the expected at most: other processes interrupt."""


class RowCosts:
    """Seconds of a forward by its number of rows."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def observe(self, rows: int, seconds: float) -> None:
        if not 1 <= rows <= MAX_ROWS:
            return
        self._seconds[rows] = smoothed(self._seconds.get(rows, seconds), seconds)

    def seconds(self, rows: int) -> float:
        """Measured, or between its measured neighbours, or beyond the last one at the assumed price a row.

        Before any measurement, in units of a forward of one row."""
        below = max((known for known in self._seconds if known <= rows), default=None)
        above = min((known for known in self._seconds if known >= rows), default=None)
        if below is not None and above is not None:
            share = (rows - below) / (above - below) if above > below else 0.0
            low, high = self._seconds[below], self._seconds[above]
            return low + share * max(0.0, high - low)
        anchor = below or above
        if anchor is None:
            return _assumed(rows)
        return self._seconds[anchor] * _assumed(rows) / _assumed(anchor)


def smoothed(known: float, measured: float) -> float:
    return known + _WEIGHT * (min(measured, _OUTLIER * known) - known)


def _assumed(rows: int) -> float:
    return 1.0 + ROW * (rows - 1)
