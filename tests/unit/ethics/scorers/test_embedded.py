"""Classifiers over embeddings of units: one call a verdict, the same decisions however a text arrives, and
none from another model's vectors."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from colonnade.errors import Unavailable
from colonnade.ethics.classifiers import Classifiers
from colonnade.ethics.domain.decision import Decision
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, OnFailure, Policy, Rule
from colonnade.ethics.ports import Embedded, Stretch
from colonnade.ethics.scorers.embedded import EmbeddedScorer
from colonnade.ethics.screening import Screening

MODEL = "sha256:toy"
HARMLESS = "We walked along the river for an hour and talked about the weather, as one does. " * 3
HARMFUL = "This one is bad, and it goes on for a while so that it is judged by itself, alone. " * 3
LEARNED = Classifiers(
    MODEL, ("harm", "toxicity"), np.array([[8, -8], [0, 0]], np.float32), np.zeros(2, np.float32)
)


class FakeEmbedder:
    """Implements ``ports.Embedder``: one direction for what is bad, another for the rest."""

    def __init__(self, model: str = MODEL) -> None:
        self.model, self.calls = model, list[Sequence[str]]()

    async def embed(self, texts: Sequence[str]) -> Embedded:
        self.calls.append(texts)
        return Embedded(
            self.model, np.array([[1, 0] if "bad" in text else [0, 1] for text in texts], np.float32)
        )


async def decisions(pieces: Sequence[str], rule: Rule, embedder: FakeEmbedder) -> list[Decision]:
    screening = Screening(Policy("p", "v", (rule,)), {"embedded": EmbeddedScorer(LEARNED, embedder)})
    made: list[Decision] = []
    for place, piece in enumerate(pieces):
        verdict = await screening.screen(Side.OUTPUT, piece, last=place == len(pieces) - 1)
        made += verdict.decisions
        if verdict.ended:
            break
    return made


MASK = Rule("bad", "embedded", Action.MASK, frozenset({"harm"}), threshold=0.9)


async def test_a_unit_is_found_with_its_score_and_its_span() -> None:
    text = HARMLESS + HARMFUL + HARMLESS
    (first, *others) = await decisions([text], MASK, FakeEmbedder())
    assert "bad" in text[first.span.start : first.span.end]
    assert first.score > 0.99
    assert all("bad" in text[each.span.start : each.span.end] for each in others)


async def test_wherever_it_is_cut_the_decisions_are_the_same() -> None:
    text = HARMLESS + HARMFUL + HARMLESS
    whole = await decisions([text], MASK, FakeEmbedder())
    assert whole
    for step in (1, 7, 50, 333):
        edges = [*range(0, len(text), step), len(text)]
        assert await decisions([text[a:b] for a, b in pairwise(edges)], MASK, FakeEmbedder()) == whole


async def test_one_call_embeds_a_verdict_and_what_is_known_is_not_embedded_again() -> None:
    embedder = FakeEmbedder()
    scorer = EmbeddedScorer(LEARNED, embedder, kept=8)
    stretch = Stretch(HARMLESS + HARMFUL + HARMLESS + HARMFUL, 0, last=True)
    first = await scorer.score(stretch, Side.INPUT)
    assert len(embedder.calls) == 1
    assert len(embedder.calls[0]) == len(set(embedder.calls[0]))
    assert await scorer.score(stretch, Side.OUTPUT) == first
    assert len(embedder.calls) == 1
    assert HARMFUL.strip() not in repr(vars(scorer))


async def test_only_the_newest_scores_are_kept() -> None:
    embedder = FakeEmbedder()
    scorer = EmbeddedScorer(LEARNED, embedder, kept=1)
    for text in ("bad", "good", "bad"):
        await scorer.score(Stretch(text, 0, last=True), Side.INPUT)
    assert embedder.calls == [["bad"], ["good"], ["bad"]]


async def test_white_space_alone_is_not_embedded() -> None:
    embedder = FakeEmbedder()
    scored = await EmbeddedScorer(LEARNED, embedder).score(Stretch(" \n ", 0, last=True), Side.INPUT)
    assert (scored.found, scored.settled, embedder.calls) == ([], 3, [])


async def test_vectors_of_another_model_are_not_judged_and_the_rule_says_what_then() -> None:
    other = FakeEmbedder("sha256:another")
    with pytest.raises(Unavailable, match="another model"):
        await EmbeddedScorer(LEARNED, other).score(Stretch("bad", 0, last=True), Side.INPUT)
    (refused,) = await decisions([HARMFUL], MASK, other)
    assert (refused.action, refused.category) == (Action.REFUSE, "unscreened")
    lenient = Rule("bad", "embedded", Action.MASK, on_failure=OnFailure.ALLOW)
    assert await decisions([HARMFUL], lenient, other) == []
