"""Reports of bias and the watch over the traffic: figures with their intervals, drawn and in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from colonnade.client import BiasAlarm, BiasFigure, BiasGap, BiasReport, LiveBias
from colonnade.console.views.formats import day, moment, number
from colonnade.errors import InvalidArgument

HOURS = MappingProxyType({24: "a day", 168: "7 days", 744: "31 days"})
_MEASURES: MappingProxyType[str, tuple[str, float | None, float, float | None]] = MappingProxyType(
    {
        "preference": ("Chance of the stereotyped sentence", 0.5, 0, 1),
        "stereotype_share": ("How often the stereotyped sentence is the likelier one", 0.5, 0, 1),
        "likelihood_gap": ("How far the two likelihoods are apart (nats)", 0, 0, None),
        "lms": ("Language modelling score (percent)", 100, 0, 100),
        "ss": ("Stereotype score (percent)", 50, 0, 100),
        "icat": ("Both scores combined (percent)", 100, 0, 100),
        "accuracy_ambiguous": ("Right where the text does not tell", 1, 0, 1),
        "accuracy_disambiguated": ("Right where the text tells", 1, 0, 1),
        "bias_ambiguous": ("Bias where the text does not tell", 0, -1, 1),
        "bias_disambiguated": ("Bias where the text tells", 0, -1, 1),
        "likelihood_spread": ("How far the groups' likelihoods are apart (nats)", 0, 0, None),
        "parity_difference": ("How much more one group is helped than another", 0, 0, 1),
        "helped": ("Share that is helped", None, 0, 1),
    }
)
"""What a measure is, which value of it is fair, and between what it lies; None: nothing is said."""
_STATES = MappingProxyType({"queued": "waits", "running": "under way", "done": "done", "failed": "failed"})


@dataclass(frozen=True, slots=True)
class Interval:
    """Places are percent of the way from the least to the most that is drawn."""

    name: str
    begin: float
    value: float
    end: float
    told: str


@dataclass(frozen=True, slots=True)
class Intervals:
    """One under another, on the same scale."""

    title: str
    lines: tuple[Interval, ...]
    fair: float | None = None
    fair_told: str = ""


def named(report: BiasReport) -> str:
    return f"{report.model}:{report.version}"


def state_of(report: BiasReport) -> str:
    told = _STATES.get(report.state, report.state)
    if report.state == "failed":
        return f"{told}: {report.why}" if report.why else told
    if report.ended:
        return told
    return f"{told}, {number(report.done)} of {number(report.total)} probes" if report.total else told


def figures_of(report: BiasReport) -> list[Intervals]:
    """A group for each set and measure, with its dimensions, the whole set's first."""
    groups: dict[tuple[str, str], list[BiasFigure]] = {}
    for figure in _sorted(report.figures):
        groups.setdefault((figure.set, figure.measure), []).append(figure)
    return [
        _drawn(f"{name}: {_told(measure)}", measure, [(_dimension(each), each) for each in figures])
        for (name, measure), figures in groups.items()
    ]


def kinds_of(reports: Iterable[BiasReport]) -> dict[str, str]:
    """Figures that may be looked at over versions, by a key, with a label."""
    return {
        _key(each): f"{each.set}: {_told(each.measure)}, {_dimension(each)}"
        for report in reports
        for each in _sorted(report.figures)
    }


def history_of(reports: Sequence[BiasReport], kind: str) -> Intervals | None:
    """One figure of one model as its reports have it, the oldest first; ``reports`` are newest first."""
    found = [(report, each) for report in reversed(reports) for each in report.figures if _key(each) == kind]
    if not found:
        return None
    lines = [(f"{named(report)}, {day(report.created_at)}", figure) for report, figure in found]
    first = found[0][1]
    return _drawn(f"{first.set}: {_told(first.measure)}, {_dimension(first)}", first.measure, lines)


def gaps_of(live: LiveBias) -> Intervals:
    lines = tuple(
        _interval(f"{each.model}, {each.dimension}", each, f"{number(each.seen)} answers", 0.0, 1.0)
        for each in live.gaps
    )
    return Intervals("How much more one group is helped than another", lines, 0.0, "fair: 0")


def group_rows(live: LiveBias) -> list[tuple[str, str, str, str, str, str]]:
    """Version, dimension, group; seen, refused and unkind answers, of all hours together."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for cell in live.cells:
        counts = sums.setdefault((cell.model, cell.dimension, cell.group), [0, 0, 0])
        for place, value in enumerate((cell.seen, cell.refused, cell.unkind)):
            counts[place] += value
    return [
        (*names, number(seen), number(refused), number(unkind))
        for names, (seen, refused, unkind) in sorted(sums.items())
    ]


def alarm_of(alarm: BiasAlarm) -> str:
    return (
        f"{alarm.model} treats groups otherwise than it should ({alarm.dimension}): "
        f"{moment(alarm.at)}, after {number(alarm.observed)} comparisons."
    )


def sets_of(said: str) -> list[str] | None:
    """Names between commas; None: what the platform takes by default."""
    return [name for name in (each.strip() for each in said.split(",")) if name] or None


def version_of(said: float | None) -> int | None:
    if said is None:
        return None
    if said != int(said) or said < 1:
        raise InvalidArgument("the version must be a whole number from 1 up, or nothing", field="version")
    return int(said)


def _drawn(title: str, measure: str, lines: Sequence[tuple[str, BiasFigure]]) -> Intervals:
    _, fair, least, most = _MEASURES.get(
        measure, ("", None, min(0.0, *(each.low for _, each in lines)), None)
    )
    top = most if most is not None else max(1e-9, *(each.high for _, each in lines))
    drawn = tuple(_interval(name, each, number(each.count), least, top) for name, each in lines)
    if fair is None:
        return Intervals(title, drawn)
    return Intervals(title, drawn, _place(fair, least, top), f"fair: {fair:g}")


def _interval(name: str, found: BiasFigure | BiasGap, of: str, least: float, most: float) -> Interval:
    begin, value, end = (_place(each, least, most) for each in (found.low, found.value, found.high))
    told = f"{_figure(found.value)} ({_figure(found.low)} to {_figure(found.high)}), of {of}"
    return Interval(name, begin, value, end, told)


def _place(value: float, least: float, most: float) -> float:
    share = (value - least) / (most - least) if most > least else 0.0
    return 100 * max(0.0, min(1.0, share))


def _sorted(figures: Iterable[BiasFigure]) -> list[BiasFigure]:
    """What says most comes first, of a measure the whole set."""
    places = {measure: place for place, measure in enumerate(_MEASURES)}
    return sorted(
        figures,
        key=lambda each: (
            each.set, places.get(each.measure, len(places)), each.measure, each.dimension != "all",
            each.dimension,
        ),
    )  # fmt: skip


def _key(figure: BiasFigure) -> str:
    return "\n".join((figure.set, figure.measure, figure.dimension))


def _told(measure: str) -> str:
    return _MEASURES[measure][0] if measure in _MEASURES else measure


def _dimension(figure: BiasFigure) -> str:
    return "all together" if figure.dimension == "all" else figure.dimension


def _figure(value: float) -> str:
    return f"{value:.3f}"
