"""A job in words: where it stands, how far it is, what may be done to it, how it ended."""

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
_PUBLISHING = {"evaluate": "is being recorded", "import": "is being fetched"}
"""What becomes of those that make no version of their own, or do nothing else."""
_SEEN_LATELY = 10.0
_FIRST_FIGURES = ("loss", "validation.loss", "tokens_per_second")
_FRACTION = "fraction"
"""Among the metrics of one that is fetched: how much of it is there. That is its progress, and no figure."""
_SHOWN_OF_ID = 6


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, and whether one has to look."""

    title: str
    reason: str
    bad: bool


def learns(job: Job) -> bool:
    """Whether it has curves, samples and checkpoints; those of another kind are judged, made or fetched."""
    return job.kind == "train"


def state_of(job: Job) -> str:
    if job.state == "publishing" and job.kind in _PUBLISHING:
        return _PUBLISHING[job.kind]
    return _STATES.get(job.state, job.state)


def label_of(job: Job) -> str:
    """Where several have one name, what tells them apart stands behind it."""
    return (
        f"{job.name} (\u2026{job.id[-_SHOWN_OF_ID:]}, {state_of(job)}, {moment(job.created_at, 'unknown')})"
    )


def share_of(job: Job) -> float:
    """How much of it is done, from 0 to 1."""
    fetched = job.metrics.get(_FRACTION)
    if job.succeeded or (job.state == "publishing" and fetched is None):
        return 1.0
    done = job.step / job.total_steps if job.total_steps > 0 else fetched or 0.0
    return min(1.0, max(0.0, done))


def is_counted(job: Job) -> bool:
    """Whether it can be said how much of it is done."""
    return job.total_steps > 0 or job.metrics.get(_FRACTION) is not None


def progress_of(job: Job, pace: float = 0.0, now: datetime | None = None) -> str:
    """``step 120 of 400 (30 %), about 4 min left``; ``pace`` in steps a second, 0 where it is not known. One
    that counts no steps has nothing of them to tell."""
    share = f"{share_of(job) * 100:.0f} %"
    done = f"{_place(job)} ({share})" if job.total_steps > 0 else share
    told = [done] if is_counted(job) else []
    if job.state == "running":
        if pace > 0 and job.total_steps > job.step:
            told.append(f"about {lasting((job.total_steps - job.step) / pace)} left")
        if (silent := _since(job.seen_at, now)) > _SEEN_LATELY:
            told.append(f"silent for {lasting(silent)}")
    return ", ".join(told)


def first_figures(job: Job) -> list[str]:
    """The last of those that all look for first, each with its name."""
    told = [name for name in _FIRST_FIGURES if job.metrics.get(name) is not None]
    return [f"{_named(name)} {figure_of(name, job.metrics[name])}" for name in told]


def figures_of(job: Job) -> list[tuple[str, str]]:
    """Every last figure: those that all look for first."""
    first = [name for name in _FIRST_FIGURES if name in job.metrics]
    names = [*first, *sorted(set(job.metrics) - {*first, _FRACTION})]
    return [(_named(name), figure_of(name, job.metrics[name])) for name in names]


def acts_of(job: Job, refused: Mapping[str, str] = MappingProxyType({})) -> tuple[Act, ...]:
    """``refused``: by an act's name, why the gateway does not let whoever is there do it."""
    return tuple(
        Act(name, name.capitalize(), told, refused.get(name) or why_not(job))
        for name, told, why_not in (
            ("cancel", _CANCEL if learns(job) else _STOP, _no_cancel),
            ("resume", _RESUME if learns(job) else _AGAIN, _no_resume),
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
    at = f" at {_place(job)}" if job.total_steps > 0 else ""
    return Ending(f"{state_of(job).capitalize()}{at}", job.message, bad=job.state == "failed")


def facts_of(job: Job) -> list[tuple[str, str]]:
    found = [
        ("Kind", job.kind),
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
_STOP = "It ends, and what it has done until then is not kept. One that waits ends at once."
_AGAIN = "It waits for its turn, and begins anew."
_RETRY = "A new job begins the same recipe anew. This one stays as it is."


def _no_cancel(job: Job) -> str:
    if job.state == "stopping":
        return "It is being stopped already."
    if job.state == "publishing" and job.kind != "import":
        return "It is done; the registry takes in what came of it."
    return f"It has ended: it {_was(job)}." if job.ended else ""


def _no_resume(job: Job) -> str:
    if job.succeeded:
        return "It has succeeded."
    return "" if job.ended else "It has not ended."


def _no_retry(job: Job) -> str:
    return "" if job.ended else "It has not ended."


def _was(job: Job) -> str:
    return f"was {job.state}" if job.state == "cancelled" else state_of(job)


def _place(job: Job) -> str:
    return f"step {number(job.step)} of {number(job.total_steps)}"


def _named(name: str) -> str:
    return name.replace("validation.", "validation ").replace("_", " ")


def _took(job: Job) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    return lasting(max(0.0, (job.ended_at - job.started_at).total_seconds()))


def _since(when: datetime | None, now: datetime | None) -> float:
    return 0.0 if when is None else max(0.0, ((now or datetime.now(UTC)) - when).total_seconds())
