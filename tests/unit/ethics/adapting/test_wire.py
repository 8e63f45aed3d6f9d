"""What doors send and get."""

from dataclasses import replace
from datetime import UTC, datetime

from colonnade.api.ethics.v1 import adapting_pb2 as messages
from colonnade.ethics.adapting import wire
from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker, Count, Figure, State
from colonnade.ethics.adapting.domain.plans import Source, plan_of
from tests.unit.ethics.adapting.fakes import BETTER, SMOL

AT = datetime(2030, 1, 2, tzinfo=UTC)
BEGUN = Adaptation("ad_1", plan_of("smol"), SMOL, AT, Asker("acme", "ada", ("admin",)), "acme")


def test_a_plan_that_says_little_is_told_in_full() -> None:
    assert wire.plan(messages.AdaptationPlan(model="smol")) == BEGUN.plan
    told = wire.adaptation(BEGUN)
    assert (told.plan.version, told.digest, told.state, told.by) == (1, SMOL.digest, "pairing", "acme/ada")
    assert list(told.plan.sources) == ["feedback", "best_of_n", "revision"]
    assert (told.plan.steps, told.plan.policy, told.plan.route) == (60, "careful", "production")
    assert not told.HasField("ended_at")


def test_a_proposal_is_told_with_its_figures() -> None:
    figure = Figure("harm", (0.5, 0.3, 0.7), (0.1, 0.0, 0.3), 20)
    ended = replace(
        BEGUN.ended(State.PROPOSED, AT),
        adapted=BETTER,
        rollout="ro_1",
        counts=(Count(Source.REVISION, 5, 3, 4),),
        figures=(figure,),
    )
    told = wire.adaptation(ended)
    assert (told.adapted, told.rollout, told.ended_at.seconds) == (2, "ro_1", AT.timestamp())
    assert told.pairs[0] == messages.PairCount(source="revision", tried=5, pairs=3, lowered=4)
    assert told.figures[0] == messages.AdaptationFigure(
        measure="harm", before=0.5, before_low=0.3, before_high=0.7,
        after=0.1, after_low=0.0, after_high=0.3, count=20,
    )  # fmt: skip
