"""What policies decided, in words: which decisions, what there is to say of one, and how many there were."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from colonnade.client import DecisionCount, KeptDecision
from colonnade.client.screening_calls import DecisionFilter
from colonnade.console.views.day_bars import DayBar, day_bars
from colonnade.console.views.formats import moment, number, short
from colonnade.console.views.memories import Reason, times

SPANS = MappingProxyType({1: "a day", 7: "7 days", 30: "30 days", 90: "90 days"})
ACTIONS = MappingProxyType(
    {"refuse": "refused", "mask": "masked", "regenerate": "asked for again", "allow": "let through"}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions; what is empty is any."""

    days: int = 7
    rule: str = ""
    action: str = ""
    shadow: bool = False

    def asked(self, now: datetime | None = None) -> DecisionFilter:
        """From the beginning of the first day, so that it has whole days."""
        return {
            "since": datetime.combine(self.first(now), datetime.min.time(), UTC),
            "rule": self.rule or None,
            "action": self.action or None,
            "shadow": self.shadow,
        }

    def first(self, now: datetime | None = None) -> date:
        return self.last(now) - timedelta(days=self.days - 1)

    def last(self, now: datetime | None = None) -> date:
        return (now or datetime.now(UTC)).astimezone(UTC).date()


def action_of(decision: KeptDecision) -> str:
    told = ACTIONS.get(decision.action, decision.action)
    return f"would have been {told}" if decision.shadow else told


def facts_of(decision: KeptDecision) -> list[tuple[str, str]]:
    """In the order in which they are read; the text itself is not kept."""
    span = decision.span
    where = f"characters {number(span.start)} to {number(span.end)}" if span else ""
    pairs = [
        ("When", moment(decision.at)),
        ("Action", action_of(decision)),
        ("Rule", decision.rule),
        ("Found", decision.category),
        ("By the scorer", decision.scorer),
        ("Score", f"{decision.score:.2f}"),
        ("In the", decision.side),
        ("Span", where),
        ("Policy", decision.policy.name),
        ("Policy version", short(decision.policy.version)),
        ("Route", decision.route),
        ("Subject", decision.subject),
        ("Request", decision.request_id),
    ]
    return [(name, value) for name, value in pairs if value]


def rule_bars(counts: Sequence[DecisionCount]) -> list[Reason]:
    most = max((each.count for each in counts), default=0)
    return [Reason(each.key, each.count / most if most else 0.0, times(each.count)) for each in counts]


def bars_of(counts: Iterable[DecisionCount], first: date, last: date) -> list[DayBar]:
    return day_bars(dict(_dated(counts)), first, last)


def words_of(counts: Sequence[DecisionCount]) -> str:
    """The chart of days, in words."""
    if not counts:
        return ""
    most = max(counts, key=lambda each: each.count)
    whole = sum(each.count for each in counts)
    return f"{number(whole)} in all, most on {most.key}: {number(most.count)}."


def _dated(counts: Iterable[DecisionCount]) -> Iterable[tuple[date, int]]:
    for each in counts:
        try:
            yield date.fromisoformat(each.key), each.count
        except ValueError:
            continue
