"""A training job in words: where it stands, how far it is, what may be done to it, how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from colonnade.client import Job, JobEvent
from colonnade.console.views.acts import Act
from colonnade.console.views.formats import lasting, moment, number, short
from colonnade.console.views.plots import figure_of

GOING = ("queued", "running", "stopping", "publishing")
ITSELF = "platform/training"
_STATES = {
    "queued": "waits for its turn",
    "running": "running",
    "stopping": "is being stopped",
    "publishing": "becomes a version",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_SEEN_LATELY = 10.0
_MOST_FIGURES = 3
_FIRST_FIGURES = ("loss", "validation.loss", "tokens_per_second")
_SHOWN_OF_ID = 6


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, and whether one has to look."""

    title: str
    reason: str
    bad: bool


def state_of(job: Job) -> str:
    return _STATES.get(job.state, job.state)


def label_of(job: Job) -> str:
    """Where several have one name, what tells them apart stands behind it."""
    return (
        f"{job.name} (\u2026{job.id[-_SHOWN_OF_ID:]}, {state_of(job)}, {moment(job.created_at, 'unknown')})"
    )


def share_of(job: Job) -> float:
    """How much of it is done, from 0 to 1."""
    if job.succeeded or job.state == "publishing":
        return 1.0
    return min(1.0, max(0.0, job.step / job.total_steps)) if job.total_steps > 0 else 0.0


def progress_of(job: Job, pace: float = 0.0, now: datetime | None = None) -> str:
    """``step 120 of 400 (30 %), about 4 min left``; ``pace`` in steps a second, 0 where it is not known."""
    told = f"step {number(job.step)} of {number(job.total_steps)} ({share_of(job) * 100:.0f} %)"
    if job.state != "running":
        return told
    if pace > 0 and job.total_steps > job.step:
        told += f", about {lasting((job.total_steps - job.step) / pace)} left"
    silent = _since(job.seen_at, now)
    return f"{told}, silent for {lasting(silent)}" if silent > _SEEN_LATELY else told


def figures_line(job: Job) -> str:
    """Its last figures, in a line."""
    told = [name for name in _FIRST_FIGURES if job.metrics.get(name) is not None]
    return ", ".join(f"{_named(name)} {figure_of(name, job.metrics[name])}" for name in told[:_MOST_FIGURES])


def figures_of(job: Job) -> list[tuple[str, str]]:
    """Every last figure: those that all look for first."""
    first = [name for name in _FIRST_FIGURES if name in job.metrics]
    names = [*first, *sorted(set(job.metrics) - set(first))]
    return [(_named(name), figure_of(name, job.metrics[name])) for name in names]


def acts_of(job: Job, refused: Mapping[str, str] = MappingProxyType({})) -> tuple[Act, ...]:
    """``refused``: by an act's name, why the gateway does not let whoever is there do it."""
    return tuple(
        Act(name, name.capitalize(), told, refused.get(name) or why_not(job))
        for name, told, why_not in (
            ("cancel", _CANCEL, _no_cancel),
            ("resume", _RESUME, _no_resume),
            ("retry", _RETRY, _no_retry),
        )
    )


def ending_of(job: Job) -> Ending | None:
    """None while it goes on."""
    if not job.ended:
        return None
    if job.succeeded:
        made = f": it made {job.produced.model}:{job.produced.version}" if job.produced else ""
        return Ending(f"Succeeded{made}", job.message, bad=False)
    at = f"at step {number(job.step)} of {number(job.total_steps)}"
    return Ending(f"{state_of(job).capitalize()} {at}", job.message, bad=job.state == "failed")


def facts_of(job: Job) -> list[tuple[str, str]]:
    found = [
        ("Id", job.id),
        ("Submitted", moment(job.created_at, "unknown")),
        ("By", job.by or "unknown"),
        ("Priority", str(job.priority)),
        ("Attempt", str(job.attempt) if job.attempt else "none yet"),
        ("Runs at", job.place),
        ("Took", _took(job)),
        ("Recipe", short(job.recipe_digest)),
    ]
    return [(name, value) for name, value in found if value]


def event_rows(events: Sequence[JobEvent]) -> list[tuple[str, str, str, str]]:
    """Newest first: when, what, who and what was said."""
    return [
        (moment(e.at), e.what.replace("_", " "), "itself" if e.by in ("", ITSELF) else e.by, e.words)
        for e in reversed(events)
    ]


_CANCEL = "It ends after its step, with a checkpoint: it can be resumed later. One that waits ends at once."
_RESUME = "It waits for its turn, and goes on from its last checkpoint."
_RETRY = "A new job begins the same recipe from its first step. This one stays as it is."


def _no_cancel(job: Job) -> str:
    if job.state == "stopping":
        return "It is being stopped already."
    if job.state == "publishing":
        return "It has learnt; what it made becomes a version."
    return f"It has ended: it {_was(job)}." if job.ended else ""


def _no_resume(job: Job) -> str:
    if job.succeeded:
        return "It has reached its last step."
    return "" if job.ended else "It has not ended."


def _no_retry(job: Job) -> str:
    return "" if job.ended else "It has not ended."


def _was(job: Job) -> str:
    return f"was {job.state}" if job.state == "cancelled" else state_of(job)


def _named(name: str) -> str:
    return name.replace("validation.", "validation ").replace("_", " ")


def _took(job: Job) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    return lasting(max(0.0, (job.ended_at - job.started_at).total_seconds()))


def _since(when: datetime | None, now: datetime | None) -> float:
    return 0.0 if when is None else max(0.0, ((now or datetime.now(UTC)) - when).total_seconds())
