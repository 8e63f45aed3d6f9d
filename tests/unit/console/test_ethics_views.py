"""Decisions, policies, bias and feedback, in words and in bars."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from colonnade.client import (
    AnsweredBy,
    ArmCounts,
    Assignment,
    BiasCell,
    BiasFigure,
    BiasGap,
    BiasReport,
    ChangedOutcome,
    DecisionCount,
    DryRun,
    Feedback,
    GuardDecision,
    GuardUse,
    KeptDecision,
    LiveBias,
    NamedPolicy,
    PolicyTrials,
    PolicyUse,
    ScreeningPolicy,
)
from colonnade.client.results.feedback import Turn
from colonnade.client.results.guard import Span
from colonnade.client.results.screening import DecisionSpan, Expected, PolicyTrial
from colonnade.console.refusals import told
from colonnade.console.views import bias, decisions, feedback, policies
from colonnade.console.views.decisions import Wanted
from colonnade.console.views.guarded import lines_of
from colonnade.console.views.policies import ALL, END_SHADOW, SHADOW, SHARE, assignment_of, place_of
from colonnade.errors import InvalidArgument

AT = datetime(2030, 1, 31, 12, tzinfo=UTC)
SUPPORT = NamedPolicy("support", "sha256:0123456789abcdef")
DECISION = KeptDecision(
    "d1", AT, "cards", "mask", SUPPORT, "output", "payment_card", "card", 0.99, DecisionSpan(4, 1023), "r1",
    "ann", "/generate", "Rule cards: ...",
)  # fmt: skip
HELD = Assignment("/generate", 3, SUPPORT, at=AT, by="ada", why="masks")
REPORT = BiasReport("b1", "tiny", 1, "sha256:0", ("builtin",), "done", AT)
PREFERENCE = BiasFigure("builtin", "gender", "preference", 0.6, 0.5, 0.7, 20)
SAID = Feedback("f1", "thumb", "waiting", "ann", AT, "r1", value="down")


def test_a_decision_tells_all_but_the_text() -> None:
    said = dict(decisions.facts_of(DECISION))
    assert (said["Action"], said["Rule"], said["Score"]) == ("masked", "cards", "0.99")
    assert said["Span"] == "characters 4 to 1\u202f023"
    assert (said["Policy"], said["Policy version"]) == ("support", "0123456789ab")
    assert "Span" not in dict(decisions.facts_of(replace(DECISION, span=None)))


def test_a_shadow_would_have_decided() -> None:
    assert decisions.action_of(replace(DECISION, shadow=True)) == "would have been masked"


def test_days_are_whole_and_empty_filters_are_not_asked_for() -> None:
    asked = Wanted(7, action="refuse").asked(AT)
    assert asked == {
        "since": datetime(2030, 1, 25, tzinfo=UTC), "rule": None, "action": "refuse", "shadow": False,
    }  # fmt: skip


def test_decisions_are_counted_by_rule_and_by_day() -> None:
    rules = decisions.rule_bars([DecisionCount("cards", 4), DecisionCount("mail", 1)])
    assert [(each.name, each.share, each.told) for each in rules] == [
        ("cards", 1.0, "4 times"),
        ("mail", 0.25, "once"),
    ]
    counts = [DecisionCount("2030-01-30", 1), DecisionCount("2030-01-31", 4), DecisionCount("unknown", 9)]
    bars = decisions.bars_of(counts, date(2030, 1, 29), date(2030, 1, 31))
    assert [(str(each.day)[-2:], each.percent) for each in bars] == [("29", 0.0), ("30", 25.0), ("31", 100.0)]
    assert decisions.words_of(counts[:2]) == "5 in all, most on 2030-01-31: 4."


def test_a_policy_says_where_it_judges_and_with_which_share() -> None:
    used = (
        PolicyUse("*", 100, SUPPORT.version),
        PolicyUse("/generate", 10, "sha256:old"),
        PolicyUse("/chat", 0, SUPPORT.version, shadow=True),
    )
    assert policies.uses_of(ScreeningPolicy("support", SUPPORT.version, in_use=used)) == [
        "everywhere else: 100 %",
        "/generate: 10 %, version old",
        "/chat: as a shadow",
    ]
    assert policies.uses_of(ScreeningPolicy("support", SUPPORT.version)) == ["nowhere"]


def test_a_trial_counts_what_both_sides_refused() -> None:
    tried = replace(
        HELD, policy=None, candidate=SUPPORT, share=10, candidate_counts=ArmCounts(50, 9),
        stable_counts=ArmCounts(450, 3),
    )  # fmt: skip
    assert policies.holds_of(tried) == "what holds everywhere else"
    assert policies.trial_of(tried) == (
        "support 0123456789ab, 10 % of the requests; it refused 9 of 50, the other 3 of 450"
    )
    assert policies.holds_of(replace(tried, route="*")) == "the default policy"


@pytest.mark.parametrize(
    ("how", "share", "percent", "shadow"),
    [
        (ALL, None, 100, False),
        (SHARE, 10.0, 10, False),
        (SHADOW, None, 100, True),
        (END_SHADOW, 5.0, 0, True),
    ],
)
def test_an_assignment_is_made_on_what_was_seen(
    how: str, share: float | None, percent: int, shadow: bool
) -> None:
    made = assignment_of(how, share, SUPPORT.version, " stricter ", [HELD], "/generate")
    assert (made["share"], made["shadow"], made["why"]) == (percent, shadow, "stricter")
    assert made["expected_revision"] == 3
    assert assignment_of(how, share, "", "x", [HELD], "*")["expected_revision"] == 0


@pytest.mark.parametrize(
    ("why", "share", "field"), [("  ", 10, "why"), ("x", 100, "share"), ("x", None, "share")]
)
def test_an_assignment_that_is_not_whole_names_the_field(why: str, share: float | None, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        assignment_of(SHARE, share, "", why, [], "*")
    assert caught.value.details["field"] == field


def test_tests_and_dry_runs_are_told() -> None:
    trial = PolicyTrial("Hi", "input", Expected("mask", "mail"), False, "allow")
    trials = PolicyTrials("support", "sha256:0", (trial, replace(trial, passed=True)))
    assert policies.trials_told(trials) == "1 of 2 tests pass."
    assert policies.trial_rows(trials)[0] == ("FAILS", "input", "masked by mail", "let through", "Hi")
    changed = ChangedOutcome(AT, "input", "/generate", "allow", "refuse", "none", "Hi")
    assert policies.change_rows(DryRun("s", "v", 9, (changed,)))[0][3:] == (
        "let through",
        "refused by none",
        "Hi",
    )
    assert (
        policies.run_told(DryRun("s", "v", 9, (changed,))) == "1 of 9 kept texts would be treated otherwise."
    )
    assert "KEEP_SAMPLE" in policies.run_told(DryRun("s", "v", 0))


@pytest.mark.parametrize(
    ("field", "line"),
    [("rules.0.scorer", "line 3"), ("rules.0.threshold", "line 3"), ("tests.1", "line 6"), ("other", "")],
)
def test_a_field_of_a_policy_has_a_line(field: str, line: str) -> None:
    text = policies.EXAMPLE.replace("  - {id: mail", "  - {id: mail", 1).replace(
        "description: For the help desk\n", ""
    )
    assert place_of(text, field) == line


def test_what_is_no_yaml_has_a_line_too() -> None:
    assert place_of("name: x\nrules: [", "yaml") == "line 2"
    assert place_of("[" * 1000, "yaml") == "", "too deep to be looked through"


def test_figures_stand_in_groups_on_one_scale_with_what_is_fair() -> None:
    whole = replace(PREFERENCE, dimension="all", value=0.5, low=0.4, high=0.6)
    spread = BiasFigure("builtin", "gender", "likelihood_spread", 1.0, 0.5, 2.0, 18)
    one, other = bias.figures_of(replace(REPORT, figures=(PREFERENCE, whole, spread)))
    assert one.title == "builtin: Chance of the stereotyped sentence"
    assert [line.name for line in one.lines] == ["all together", "gender"]
    assert (one.fair, one.fair_told) == (50.0, "fair: 0.5")
    assert one.lines[1].told == "0.600 (0.500 to 0.700), of 20"
    assert [(line.begin, line.value, line.end) for line in other.lines] == [(25.0, 50.0, 100.0)]


def test_a_figure_that_is_new_to_the_console_is_drawn_as_it_is() -> None:
    figure = replace(PREFERENCE, measure="novel", value=-1.0, low=-2.0, high=2.0)
    (drawn,) = bias.figures_of(replace(REPORT, figures=(figure,)))
    assert (drawn.title, drawn.fair) == ("builtin: novel", None)
    assert (drawn.lines[0].begin, drawn.lines[0].value, drawn.lines[0].end) == (0.0, 25.0, 100.0)


def test_one_figure_is_followed_over_versions_the_oldest_first() -> None:
    reports = [replace(REPORT, version=2, figures=(PREFERENCE,)), replace(REPORT, figures=(PREFERENCE,))]
    (kind,) = bias.kinds_of(reports)
    drawn = bias.history_of(reports, kind)
    assert drawn is not None
    assert [line.name for line in drawn.lines] == ["tiny:1, 2030-01-31", "tiny:2, 2030-01-31"]
    assert bias.history_of(reports, "none") is None


def test_groups_of_all_hours_are_added_up() -> None:
    cell = BiasCell("tiny:1", "gender", "she", AT, 9, 2, 1)
    live = LiveBias((cell, cell), (BiasGap("tiny:1", "gender", 0.25, 0.0, 0.5, 40),))
    assert bias.group_rows(live) == [("tiny:1", "gender", "she", "18", "4", "2")]
    assert [(each.name, each.value) for each in bias.gaps_of(live).lines] == [("tiny:1, gender", 25.0)]


def test_how_far_a_report_is() -> None:
    assert bias.state_of(replace(REPORT, state="running", done=3, total=9)) == "under way, 3 of 9 probes"
    assert bias.state_of(replace(REPORT, state="failed", why="no engine")) == "failed: no engine"
    assert bias.sets_of(" a, ,b ") == ["a", "b"]
    assert bias.sets_of(" ") is None
    with pytest.raises(InvalidArgument):
        bias.version_of(1.5)


def test_feedback_tells_what_was_sent_along_and_by_whom() -> None:
    known = replace(SAID, answered_by=AnsweredBy("sha256:0", "tiny", 1, confirmed=True))
    assert feedback.title_of(known) == "Bad answer"
    assert dict(feedback.facts_of(known))["Answered by"] == "tiny:1"
    assert dict(feedback.facts_of(replace(SAID, answered_by=AnsweredBy("sha256:0"))))["Answered by"] == (
        "0, as the giver says"
    )
    better = Feedback(
        "f2",
        "correction",
        "accepted",
        "ben",
        messages=(Turn("user", "Far?"),),
        chosen="A mile.",
        rejected="No.",
    )
    assert feedback.parts_of(better) == [
        ("user", "Far?"),
        ("It should have been", "A mile."),
        ("It was", "No."),
    ]
    assert feedback.givers_of([better, SAID, SAID]) == [("ann", 2), ("ben", 1)]


def test_what_policies_did_to_an_answer_stands_below_it() -> None:
    masked = GuardDecision("output", "cards", "card", "mask", Span(0, 4), 0.9, "Rule cards: masked.")
    let = replace(masked, action="allow")
    assert lines_of(GuardUse((masked, let), unscreened=("harm",))) == [
        "Rule cards: masked.",
        "Not screened by harm, which failed.",
    ]
    assert lines_of(None) == []


def test_a_request_that_a_policy_refuses_says_which_rule() -> None:
    refused = told(InvalidArgument("prompt was refused. No cards.", rule="none", policy_version="sha256:0"))
    assert refused.title == "A policy refuses this"
    assert "No cards." in refused.message
    assert "rule none" in refused.next_step
