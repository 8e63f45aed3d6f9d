"""The checkpoints of a folder, for anybody: reading takes no lock on the run, and disturbs no writer."""

from collections.abc import Callable
from pathlib import Path

from colonnade.errors import ColonnadeError, NotFound
from colonnade.learn.checkpoints.folder import folder_name, inspect, read_checkpoint, reason, step_of
from colonnade.learn.checkpoints.retention import Best, Entry
from colonnade.learn.checkpoints.snapshot import Snapshot

Tell = Callable[[str], None]


def steps(root: Path) -> list[int]:
    """All that are there, whole or not, in order."""
    found = (step_of(entry.name) for entry in root.iterdir()) if root.is_dir() else ()
    return sorted(step for step in found if step is not None)


def entries(root: Path) -> list[Entry]:
    """Those that are whole as far as can be seen without reading their tensors, in order."""
    seen = []
    for step in steps(root):
        try:
            seen.append(_entry(root / folder_name(step)))
        except (ColonnadeError, OSError):
            continue
    return seen


def newest(root: Path, tell: Tell) -> Snapshot | None:
    """The newest whole one; ``tell`` hears of each that was passed over, and why."""
    return _first_whole(root, lambda: list(reversed(steps(root))), tell)


def best(root: Path, by: Best, tell: Tell) -> Snapshot | None:
    """The best whole one; None where none was measured."""
    return _first_whole(root, lambda: [entry.step for entry in by.ranked(entries(root))], tell)


def one(root: Path, step: int) -> Snapshot:
    """That of ``step``; raises ``NotFound`` naming those there are, or what is wrong with it."""
    known = steps(root)
    if step not in known:
        there = ", ".join(map(str, known[-8:])) or "none"
        raise NotFound(f"there is no checkpoint of step {step}; the newest are: {there}", field="step")
    return read_checkpoint(root / folder_name(step))


def _first_whole(root: Path, candidates: Callable[[], list[int]], tell: Tell) -> Snapshot | None:
    """Looks again where some were not whole because their writer went on meanwhile and removed them."""
    while True:
        known, passed_over = candidates(), []
        found = None
        for step in known:
            try:
                found = read_checkpoint(root / folder_name(step))
                break
            except (ColonnadeError, OSError) as error:
                passed_over.append(f"The checkpoint of step {step} is passed over: {reason(error)}.")
        if not passed_over or candidates() == known:
            break
    for sentence in passed_over:
        tell(sentence)
    return found


def _entry(folder: Path) -> Entry:
    contents = inspect(folder)
    metrics = contents.facts.get("metrics")
    size = sum(facts.bytes for facts in contents.files.values())
    return Entry(contents.step, contents.epoch, size, metrics if isinstance(metrics, dict) else {})
