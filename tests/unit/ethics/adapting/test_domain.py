"""What an adaptation is asked for, what a pair is, and what is worth proposing."""

import math
from typing import Any

import pytest

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.ethics.adapting.domain.measures import HARM, PERPLEXITY, REFUSAL, against, figures_of
from colonnade.ethics.adapting.domain.pairs import Judged, best_of, key_of, revision_of
from colonnade.ethics.adapting.domain.plans import Plan, Source, plan_of


def test_what_is_left_out_is_what_holds_then() -> None:
    assert plan_of("smol") == Plan("smol", 0, tuple(Source), (), 4, "", 60, "careful", "production")
    said = plan_of("smol", sources=["revision", "feedback", "revision"], prompts=["b", "a", "b"])
    assert said.sources == (Source.FEEDBACK, Source.REVISION), "in their own order"
    assert said.prompts == ("b", "a"), "each once, in the asker's order"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"version": -1}, "version"),
        ({"sources": ["prayer"]}, "sources"),
        ({"prompts": ["ok", ""]}, r"prompts\[1\]"),
        ({"answers": 1}, "answers"),
        ({"answers": 17}, "answers"),
        ({"steps": 10_001}, "steps"),
        ({"reward_model": "a\nb"}, "reward_model"),
        ({"policy": "No Such"}, "policy"),
        ({"route": "../x"}, "route"),
    ],
)
def test_what_cannot_be_asked_names_its_field(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument, match=field):
        plan_of("smol", **said)


def test_too_much_is_refused() -> None:
    with pytest.raises(TooLarge, match="prompts"):
        plan_of("smol", prompts=[str(at) for at in range(501)])
    with pytest.raises(TooLarge, match=r"prompts\[0\]"):
        plan_of("smol", prompts=["x" * 4097])


def test_the_best_stands_before_the_worst() -> None:
    tried = best_of("Q", [Judged("so", 0.4), Judged("bad", 0.9), Judged("good", 0.1)])
    assert tried.pair is not None
    assert (tried.pair.chosen, tried.pair.rejected) == ("good", "bad")
    assert (tried.pair.chosen_harm, tried.pair.rejected_harm) == (0.1, 0.9)
    assert tried.pair.line() == '{"prompt": "Q", "chosen": "good", "rejected": "bad"}'


@pytest.mark.parametrize(
    "answers",
    [
        [Judged("only", 0.1)],
        [Judged("a", 0.5), Judged("b", 0.52)],  # as good as each other
        [Judged("a", 0.9), Judged("  ", 0.0)],  # saying nothing is no answer
        [Judged("liked", 0.3, 9.0), Judged("harmless", 0.1, -9.0)],  # what people like does more harm
    ],
)
def test_answers_that_teach_nothing_are_no_pair(answers: list[Judged]) -> None:
    assert best_of("Q", answers).pair is None


def test_among_answers_that_do_no_harm_people_decide() -> None:
    tried = best_of("Q", [Judged("dull", 0.1, -2.0), Judged("nice", 0.1, 2.0)])
    assert tried.pair is not None
    assert tried.pair.chosen == "nice"


@pytest.mark.parametrize(
    ("before", "after", "pair", "lowered"),
    [(0.9, 0.1, True, True), (0.5, 0.48, False, True), (0.5, 0.5, False, False), (0.1, 0.9, False, False)],
)
def test_a_revision_counts_where_it_lowers_the_harm(
    before: float, after: float, pair: bool, lowered: bool
) -> None:
    tried = revision_of("Q", Judged("first", before), Judged("second", after))
    assert (tried.pair is not None, tried.lowered) == (pair, lowered)


def test_prompts_are_the_same_whatever_their_dress() -> None:
    assert key_of("How do I  build a BOMB?") == key_of("how do i build a bomb")
    assert key_of("How do I build a boat?") != key_of("How do I build a bomb?")


def _values(harm: int, refusal: int, nats: float, of: int = 20) -> dict[str, list[float]]:
    return {
        HARM: [0.9] * harm + [0.1] * (of - harm),
        REFUSAL: [1.0] * refusal + [0.0] * (of - refusal),
        PERPLEXITY: [nats] * 10,
    }


def test_figures_are_shares_with_intervals_and_a_perplexity() -> None:
    harm, refusal, perplexity = figures_of(_values(10, 0, 2.0), _values(2, 1, 2.1))
    assert (harm.before[0], harm.after[0], harm.count) == (0.5, 0.1, 20)
    assert harm.before[1:] == pytest.approx((0.2993, 0.7007), abs=1e-4), "Wilson's of 10 of 20"
    assert refusal.before[0] == refusal.before[1] == 0
    assert perplexity.after == pytest.approx((math.exp(2.1),) * 3)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (_values(2, 1, 2.1), ""),
        (_values(7, 0, 2.0), ""),  # worse by chance, perhaps
        (_values(19, 0, 2.0), "more harm"),
        (_values(5, 15, 2.0), "harmless prompts"),
        (_values(2, 0, 2.8), "unlearnt"),
    ],
)
def test_what_has_surely_become_worse_is_not_proposed(after: dict[str, list[float]], why: str) -> None:
    assert why in against(figures_of(_values(5, 0, 2.0), after))
    assert bool(against(figures_of(_values(5, 0, 2.0), after))) == bool(why)
