"""Both sides of a request, and what becomes of scorers that fail."""

import asyncio
from dataclasses import replace

import pytest

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.ethics import screening as module
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.domain.policy import Action, Holding, OnFailure, Policy
from colonnade.ethics.ports import Found, Scored, Stretch
from colonnade.ethics.screening import Screening
from tests.unit.ethics.streams import CARD, MASK_ALL, SCORERS, rule


class Slow:
    """Finds the word bad once it may answer, four characters at most from the end unsettled."""

    name, categories, context, immediate = "slow", frozenset({"bad"}), 4, False

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.fails = False

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        await self.may.wait()
        if self.fails:
            raise RuntimeError("the text was: bad")
        settled = len(stretch.text) if stretch.last else max(stretch.start, len(stretch.text) - 4)
        at = stretch.text.find("bad", stretch.start)
        return Scored([Found("bad", at, at + 3, 0.8, "a bad word")] if 0 <= at < settled else [], settled)


SLOW = rule("slow", Action.REFUSE, reason="No.")
PATIENT, HASTY = Holding(), Holding(timeout_seconds=0.01)


def screening(*rules: object, slow: Slow, holding: Holding = PATIENT) -> Screening:
    return Screening(Policy("p", "v1", rules, holding), {**SCORERS, "slow": slow})  # type: ignore[arg-type]


async def test_every_decision_says_why_and_does_not_quote() -> None:
    verdict = await Screening(MASK_ALL, SCORERS).screen(Side.OUTPUT, f"Pay {CARD}!", last=True)
    (decision,) = verdict.decisions
    assert (decision.rule, decision.scorer, decision.category) == ("card-rule", "card", "payment_card")
    assert (decision.span.start, decision.span.end) == (4, 23)
    assert decision.policy_version == verdict.policy_version == MASK_ALL.version
    assert decision.explanation == (
        "Rule card-rule: a payment card number (Visa, its check digit is right) in the output, "
        "characters 4 to 23 (score 0.99, threshold 0.60): masked."
    )


async def test_the_first_rule_that_fits_decides() -> None:
    rules = (
        rule("email", Action.ALLOW, id="low", threshold=0.99),
        rule("email", Action.ALLOW, id="known"),
        rule("email", Action.REFUSE, id="never"),
    )
    verdict = await Screening(replace(MASK_ALL, rules=rules), SCORERS).screen(
        Side.INPUT, "a@b.org ", last=True
    )
    assert [(each.rule, each.action) for each in verdict.decisions] == [("known", Action.ALLOW)]
    assert verdict.allowed_until == 8


async def test_sides_are_apart() -> None:
    both = Screening(replace(MASK_ALL, rules=(rule("card", sides=frozenset({Side.OUTPUT})),)), SCORERS)
    asked = await both.screen(Side.INPUT, CARD, last=True)
    assert (asked.decisions, asked.allowed_until, asked.ended) == ((), len(CARD), True)
    assert len((await both.screen(Side.OUTPUT, CARD, last=True)).decisions) == 1


async def test_an_output_may_begin_again() -> None:
    both = Screening(
        replace(MASK_ALL, rules=(rule("card", Action.REGENERATE, guidance="No cards."),)), SCORERS
    )
    verdict = await both.screen(Side.OUTPUT, f"{CARD} is it", last=True)
    assert (verdict.ended, verdict.allowed_until) == (True, 0)
    assert verdict.decisions[0].guidance == "No cards."
    both.again()
    assert (await both.screen(Side.OUTPUT, "Hello", last=True)).allowed_until == 5


async def test_nothing_comes_after_the_end() -> None:
    both = Screening(MASK_ALL, SCORERS)
    await both.screen(Side.INPUT, "Hi", last=True)
    with pytest.raises(InvalidArgument, match="the input has ended"):
        await both.screen(Side.INPUT, "more")


async def test_a_side_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHARACTERS", 10)
    with pytest.raises(TooLarge, match="longer than 10 characters"):
        await Screening(MASK_ALL, SCORERS).screen(Side.INPUT, "x" * 11)


async def test_an_empty_last_piece_flushes() -> None:
    both = Screening(MASK_ALL, SCORERS)
    assert (await both.screen(Side.OUTPUT, "see jane")).allowed_until == 4
    assert (await both.screen(Side.OUTPUT, "", last=True)).allowed_until == 8


async def test_slow_scorers_are_asked_at_once() -> None:
    class Meeting(Slow):
        async def score(self, stretch: Stretch, side: Side) -> Scored:
            await meeting.wait()
            return Scored([], len(stretch.text))

    meeting = asyncio.Barrier(2)
    rules = (rule("slow"), rule("other"))
    both = Screening(Policy("p", "v", rules), {"slow": Meeting(), "other": Meeting()})
    assert (await both.screen(Side.INPUT, "hi", last=True)).allowed_until == 2


async def test_a_slow_scorer_decides_like_any_other() -> None:
    slow = Slow()
    slow.may.set()
    both = screening(SLOW, slow=slow)
    assert (await both.screen(Side.OUTPUT, "so ba")).allowed_until == 1
    verdict = await both.screen(Side.OUTPUT, "d is it")
    assert (verdict.allowed_until, verdict.ended, verdict.decisions[0].reason) == (3, True, "No.")


@pytest.mark.parametrize("late", [True, False])
async def test_a_scorer_that_tells_nothing_refuses(late: bool) -> None:
    slow = Slow()
    slow.fails = True
    if not late:
        slow.may.set()
    verdict = await screening(SLOW, slow=slow, holding=HASTY).screen(Side.OUTPUT, "good", last=True)
    (decision,) = verdict.decisions
    assert (verdict.allowed_until, verdict.ended, verdict.unscreened) == (0, True, ("slow",))
    assert (decision.action, decision.rule, decision.reason) == (Action.REFUSE, "slow-rule", "No.")
    assert ("did not answer within 0.01 seconds" if late else "failed") in decision.explanation


async def test_a_rule_may_go_on_without_its_scorer_and_it_is_told() -> None:
    rules = (replace(SLOW, on_failure=OnFailure.ALLOW), rule("card"))
    both = screening(*rules, slow=Slow(), holding=HASTY)
    verdict = await both.screen(Side.OUTPUT, f"bad {CARD}", last=True)
    assert (verdict.unscreened, verdict.allowed_until) == (("slow",), 4 + len(CARD))
    assert [each.rule for each in verdict.decisions] == ["card-rule"]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (rule("nobody"), "rules.0.scorer: there is no scorer nobody; there are card"),
        (
            rule("card", categories=frozenset({"x"})),
            "rules.0.categories: the scorer card has no category x; it has payment_card",
        ),
    ],
)
def test_a_policy_that_cannot_be_carried_out_is_refused(bad: object, field: str) -> None:
    with pytest.raises(InvalidArgument, match=field):
        Screening(Policy("p", "v", (bad,)), SCORERS)  # type: ignore[arg-type]


def test_a_policy_says_how_much_it_accepts_to_be_held() -> None:
    with pytest.raises(InvalidArgument, match=r"holding\.characters: the scorer secrets may hold back 10800"):
        Screening(Policy("p", "v", (rule("secrets"),), Holding(characters=500)), SCORERS)
