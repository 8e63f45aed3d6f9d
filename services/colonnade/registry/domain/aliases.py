"""Names that point at versions of one model, with weights, and how they move."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from colonnade.errors import Conflict, InvalidArgument, NotFound
from colonnade.registry.domain.bounds import in_range
from colonnade.security.inputs import alias_name
from colonnade.security.inputs.catalogue import MAX_ALIAS_TARGETS, MAX_VERSION

DEFAULT_ALIAS = "production"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    version: int
    weight: int
    """Percent."""


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    targets: tuple[Target, ...]
    """Sorted by version; empty only in what is kept of a deleted alias."""
    revision: int
    updated_at: datetime
    updated_by: str

    @property
    def exists(self) -> bool:
        return bool(self.targets)

    def deleted(self, *, by: str, at: datetime) -> "Alias":
        return replace(self, targets=(), revision=self.revision + 1, updated_at=at, updated_by=by)


def check_targets(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets by version. They name each version once and their weights add up to 100."""
    if not 1 <= len(targets) <= MAX_ALIAS_TARGETS:
        raise InvalidArgument(
            f"targets must name 1 to {MAX_ALIAS_TARGETS} versions", field="targets", limit=MAX_ALIAS_TARGETS
        )
    for target in targets:
        in_range("targets.version", target.version, 1, MAX_VERSION)
        in_range("targets.weight", target.weight, 1, 100)
    if len({target.version for target in targets}) != len(targets):
        raise InvalidArgument("targets must name each version once", field="targets")
    total = sum(target.weight for target in targets)
    if total != 100:
        raise InvalidArgument(f"the targets' weights add up to {total}, not to 100", field="targets")
    return tuple(sorted(targets))


def moved(
    current: Alias | None,
    alias: str,
    targets: Sequence[Target],
    known_versions: Collection[int],
    *,
    expected_revision: int | None,
    by: str,
    at: datetime,
) -> Alias:
    """The alias after a move. ``current`` is what is kept of it now, if anything.

    ``expected_revision`` is the revision that the mover saw, 0 for none, or None to move it in any case.
    Raises ``Conflict`` where it is another one now, and ``NotFound`` for a version that the model has not.
    """
    name, ordered = alias_name(alias), check_targets(targets)
    found = current.revision if current and current.exists else 0
    if expected_revision is not None and expected_revision != found:
        raise Conflict(
            f"alias {name} is at revision {found}, not {expected_revision}; read it again and retry",
            field="expected_revision",
            revision=found,
        )
    missing = sorted({target.version for target in ordered} - set(known_versions))
    if missing:
        raise NotFound(f"the model has no version {missing[0]}", field="targets", version=missing[0])
    revision = (current.revision if current else 0) + 1
    return Alias(name, ordered, revision, at, by)


def guarded_alias(model: str, alias: str) -> Conflict:
    return Conflict(
        f"{alias} is guarded here: it is moved by rollouts alone; begin one "
        f"(`colonnade rollout start {model} VERSION --alias {alias}`)",
        field="alias",
    )


def alias_for_import(asked: str, aliases: Collection[str]) -> str:
    """Which alias an import moves: the one asked for, else the default one where the model has none yet."""
    if asked:
        return alias_name(asked)
    return "" if DEFAULT_ALIAS in aliases else DEFAULT_ALIAS
