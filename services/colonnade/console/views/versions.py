"""Versions side by side, and what moving an alias would change."""

from collections.abc import Sequence
from dataclasses import dataclass

from colonnade.client import Alias, AliasTarget, Model, Version
from colonnade.console.views.formats import amount, moment, number, size
from colonnade.errors import InvalidArgument

_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact of two versions."""

    fact: str
    one: str
    other: str

    @property
    def differs(self) -> bool:
        return self.one != self.other


def facts_of(version: Version) -> list[tuple[str, str]]:
    return [
        ("Digest", version.digest),
        ("Family", version.family),
        ("Parameters", amount(version.parameters)),
        ("Size label", version.size_label or "none"),
        ("Context", f"{number(version.context_length)} tokens"),
        ("Files", f"{len(version.artefacts)}, {size(version.size_bytes)}"),
        ("Source", version.source or "unknown"),
        ("Source digest", version.source_digest or "unknown"),
        ("Base", version.base or "none: a model of its own"),
        ("Imported by", version.created_by or "unknown"),
        ("Imported", moment(version.created_at, "unknown")),
    ]


def compare(one: Version, other: Version) -> list[Compared]:
    """Every fact, then every file that is not the same in both."""
    rows = [
        Compared(fact, mine, theirs)
        for (fact, mine), (_, theirs) in zip(facts_of(one), facts_of(other), strict=True)
    ]
    files = [{each.path: each.digest for each in version.artefacts} for version in (one, other)]
    for path in sorted(files[0] | files[1]):
        mine, theirs = (held.get(path, "not there") for held in files)
        if mine != theirs:
            rows.append(Compared(path, mine, theirs))
    return rows


@dataclass(frozen=True, slots=True)
class Move:
    """An alias as it is and as it would be. ``revision`` is the one that was seen; 0: there is none yet."""

    model: str
    alias: str
    before: tuple[AliasTarget, ...]
    after: tuple[AliasTarget, ...]
    revision: int

    @property
    def changes(self) -> list[str]:
        """A line for each version whose share changes, and a warning where it matters."""
        shares = [{each.version: each.weight for each in targets} for targets in (self.before, self.after)]
        lines = [
            f"Version {version}: {shares[0].get(version, 0)} % now, {shares[1].get(version, 0)} % then"
            for version in sorted(shares[0] | shares[1])
            if shares[0].get(version, 0) != shares[1].get(version, 0)
        ]
        if lines and self.alias == "production":
            lines.append(
                f"Requests that name just {self.model} get this from the next one on; running ones finish."
            )
        return lines


def move_of(model: Model, alias: str, shares: Sequence[tuple[int, float | None]]) -> Move:
    """Raises ``InvalidArgument`` for shares that are no whole percents, or do not add up."""
    targets = tuple(AliasTarget(version, _percent(weight)) for version, weight in shares if weight)
    if sum(target.weight for target in targets) != _WHOLE:
        raise InvalidArgument(
            f"the shares add up to {sum(target.weight for target in targets)} %; make it 100", field="targets"
        )
    if len({target.version for target in targets}) != len(targets):
        raise InvalidArgument("each version can have one share", field="targets")
    old = next((each for each in model.aliases if each.name == alias), Alias(alias, ()))
    return Move(model.name, alias, old.targets, targets, old.revision)


def _percent(weight: float | None) -> int:
    if weight is None or weight != int(weight) or not 0 < weight <= _WHOLE:
        raise InvalidArgument("a share is a whole number of percent from 1 to 100", field="targets")
    return int(weight)
