"""What Presidio finds in a unit is found at its place in the text; where it is missing, that is said."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from colonnade.errors import InvalidArgument
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Stretch
from colonnade.ethics.scorers.presidio import PresidioScorer, presidio_scorer


@dataclass
class Seen:
    entity_type: str
    start: int
    end: int
    score: float = 0.85


class FakeAnalyzer:
    """Implements ``Analyzer``: knows one name, and something that nobody asked for."""

    def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[Seen]:
        at = text.find("Jane")
        return [Seen("US_PASSPORT", 0, 2), Seen("PERSON", at, at + 4)] if at >= 0 else []


async def test_spans_are_those_of_the_text() -> None:
    text = "Nobody is named in the first of these sentences. " * 6 + "Ask Jane about it."
    scored = await PresidioScorer(FakeAnalyzer()).score(Stretch(text, 0, last=True), Side.OUTPUT)
    (found,) = scored.found
    assert (found.category, text[found.start : found.end], found.score) == ("person", "Jane", 0.85)


def test_what_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "presidio_analyzer", None)
    with pytest.raises(InvalidArgument, match=r"colonnade\[presidio\]"):
        presidio_scorer()
