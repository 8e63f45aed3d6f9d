"""What is said of models and versions, and how it changes. It is never part of a digest."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from colonnade.errors import InvalidArgument, TooLarge
from colonnade.registry.catalogue.signatures import check_signature
from colonnade.registry.domain import Model, Version
from colonnade.security.inputs import check_count, check_text
from colonnade.security.inputs.catalogue import (
    MAX_CARD_BYTES,
    MAX_DESCRIPTION_BYTES,
    MAX_METRICS_ADDED,
    MAX_TAG_BYTES,
    MAX_TAGS,
)

_KEY = re.compile(r"[A-Za-z0-9_.:/ -]{1,128}", re.ASCII)
_DATASET = re.compile(r"[\x21-\x7e]{0,128}", re.ASCII)
_LAST_STEP = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Metric:
    key: str
    value: float
    step: int
    at: datetime
    dataset: str = ""
    """Digest of what it was measured on."""

    def check(self) -> None:
        check_key(self.key, "metrics.key")
        if not math.isfinite(self.value):
            raise InvalidArgument(f"the value of the metric {self.key} must be finite", field="metrics.value")
        if not -_LAST_STEP <= self.step <= _LAST_STEP:
            raise InvalidArgument("metrics.step must be a 64-bit number", field="metrics.step")
        if not _DATASET.fullmatch(self.dataset):
            raise InvalidArgument(
                "metrics.dataset must be a digest, of at most 128 visible ASCII characters",
                field="metrics.dataset",
                limit=128,
            )


@dataclass(frozen=True, slots=True)
class ModelRecord:
    model: Model
    tags: Mapping[str, str]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRecord:
    version: Version
    tenant: str
    """Of its model."""
    description: str
    tags: Mapping[str, str]
    metrics: tuple[Metric, ...]
    """By key, then step."""
    aliases: tuple[str, ...]
    """That point at it, by name."""
    updated_at: datetime
    revision: int
    card: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Tagging:
    """Tags to set and to remove. One that is both is set."""

    set: Mapping[str, str] = field(default_factory=dict)
    remove: Sequence[str] = ()

    def check(self) -> None:
        check_count(len(self.set), MAX_TAGS, "set_tags")
        check_count(len(self.remove), MAX_TAGS, "remove_tags")
        for key, value in self.set.items():
            check_key(key, "set_tags")
            check_text(value, f"set_tags[{key}]", MAX_TAG_BYTES, allow_empty=True)
        for key in self.remove:
            check_key(key, "remove_tags")

    def applied(self, before: Mapping[str, str]) -> dict[str, str]:
        """``TooLarge`` where there would be too many."""
        after = {key: value for key, value in before.items() if key not in self.remove} | dict(self.set)
        if len(after) > MAX_TAGS:
            raise TooLarge(
                f"there would be {len(after)} tags; {MAX_TAGS} are the most", field="set_tags", limit=MAX_TAGS
            )
        return after


@dataclass(frozen=True, slots=True)
class ModelChange:
    """What is not given stays."""

    description: str | None = None
    tags: Tagging = Tagging()

    def check(self) -> None:
        _check_description(self.description)
        self.tags.check()


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What is not given stays."""

    description: str | None = None
    card: str | None = None
    signature: str | None = None
    tags: Tagging = Tagging()
    metrics: Sequence[Metric] = ()
    """A value of the same key, step and data set takes the place of the one before."""
    expected_revision: int | None = None

    def check(self) -> None:
        _check_description(self.description)
        if self.card is not None:
            check_text(self.card, "card", MAX_CARD_BYTES, allow_empty=True)
        if self.signature:
            check_signature(self.signature)
        self.tags.check()
        check_count(len(self.metrics), MAX_METRICS_ADDED, "add_metrics")
        for metric in self.metrics:
            metric.check()


def check_key(key: str, name: str) -> str:
    """``key``, when tags and metrics can have it."""
    if _KEY.fullmatch(key):
        return key
    raise InvalidArgument(
        f"{name}: a key has 1 to 128 letters, digits, spaces, '_', '-', '.', ':' and '/'",
        field=name,
        limit=128,
    )


def _check_description(description: str | None) -> None:
    if description is not None:
        check_text(description, "description", MAX_DESCRIPTION_BYTES, allow_empty=True, controls="text")
