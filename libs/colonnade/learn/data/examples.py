"""Examples of a recipe, read and divided: some for training, some that nothing is learnt from.

What is asked decides for which: all answers to one question go the same way, whatever their order or file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from colonnade.learn.data.batches import Batches, Sample
from colonnade.learn.data.chat_format import ASSISTANT, ChatFormat
from colonnade.learn.data.conversations import LineSettings, conversation_of, examples, fitted
from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.data.lengths import LengthLoader, LengthSettings
from colonnade.learn.data.preferences import PreferenceLoader, Preferences, pair_of
from colonnade.learn.data.samples import HeldSamples

T = TypeVar("T")
Line = dict[str, Any]
Pair = tuple[Sample, Sample]
Draw = Mapping[str, int]
"""How loaders draw: their seed, rank and world."""


@dataclass(frozen=True, slots=True)
class Examples:
    train: Batches[Any]
    validation: Batches[Any] | None
    """None where no example is for validation."""
    digest: str
    """Of all tokens, and of which are learnt."""
    counts: tuple[int, int]
    """Examples for training and for validation."""
    dropped: Mapping[str, int]
    """Lines that were left out, by reason."""

    @property
    def left_out(self) -> str:
        """Why, and how many; empty for none."""
        return ", ".join(f"{reason} {count}" for reason, count in sorted(self.dropped.items()))

    @property
    def sentence(self) -> str:
        said = f"{self.counts[0]} examples to learn from, {self.counts[1]} for validation"
        return f"{said}; left out: {self.left_out}" if self.left_out else said


def read_examples(
    settings: ExampleSettings, chat: ChatFormat, *, places: int, seed: int, rank: int = 0, world: int = 1
) -> Examples:
    """All of them, in memory; a batch has at most ``places`` padded places, of all ranks together. Raises
    ``InvalidArgument`` naming file and line, or where there is nothing to learn from."""
    how = LengthSettings(places, settings.window)
    read = _pairs if settings.kind == "preferences" else _conversations
    return read(settings, chat, how, {"seed": seed, "rank": rank, "world": world})


def held_out(line: Line, settings: ExampleSettings, source: LineSettings) -> bool:
    """Whether it is for validation."""
    if source.split != "hashed":
        return source.split == "validation"
    spelt = json.dumps([settings.seed, _asked(line)], sort_keys=True)
    drawn = int.from_bytes(hashlib.sha256(spelt.encode()).digest()[:8], "big")
    return drawn < settings.validation * 2.0**64


def _asked(line: Line) -> Any:
    """What stands before the first answer."""
    said = line.get("prompt", line.get("messages"))
    if not isinstance(said, list):
        return said
    roles = [turn.get("role") if isinstance(turn, dict) else None for turn in said]
    return said[: roles.index(ASSISTANT)] if ASSISTANT in roles else said


def _conversations(settings: ExampleSettings, chat: ChatFormat, how: LengthSettings, draw: Draw) -> Examples:
    dropped: Counter[str] = Counter()
    sides: tuple[dict[str, HeldSamples], dict[str, HeldSamples]] = ({}, {})
    for source in settings.sources:
        made = _divided(settings, source, dropped, _fitting(source, chat))
        for side, samples in zip(sides, made, strict=True):
            side[source.name] = HeldSamples(samples)
    counts = _count(sides[0].values()), _count(sides[1].values())
    train = LengthLoader(sides[0], how, pad=chat.end, **draw)
    validation = LengthLoader(sides[1], how, pad=chat.end, **draw) if counts[1] else None
    every = [held for side in sides for held in side.values()]
    return Examples(train, validation, _digest(every), counts, dropped)


def _fitting(source: LineSettings, chat: ChatFormat) -> Callable[[Line], Sample | str]:
    return lambda line: fitted(conversation_of(line, chat), source)


def _pairs(settings: ExampleSettings, chat: ChatFormat, how: LengthSettings, draw: Draw) -> Examples:
    dropped: Counter[str] = Counter()
    sides: tuple[list[Pair], list[Pair]] = ([], [])
    for source in settings.sources:
        made = _divided(settings, source, dropped, _pairing(source, chat))
        for side, pairs in zip(sides, made, strict=True):
            side.extend(pairs)
    held = [
        Preferences(HeldSamples(pair[0] for pair in side), HeldSamples(pair[1] for pair in side), {})
        for side in sides
    ]
    train = PreferenceLoader(held[0], how, pad=chat.end, **draw)
    validation = PreferenceLoader(held[1], how, pad=chat.end, **draw) if sides[1] else None
    every = [samples for side in held for samples in (side.chosen, side.rejected)]
    return Examples(train, validation, _digest(every), (len(sides[0]), len(sides[1])), dropped)


def _pairing(source: LineSettings, chat: ChatFormat) -> Callable[[Line], Pair | str]:
    return lambda line: pair_of(line, source, chat)


def _divided(
    settings: ExampleSettings, source: LineSettings, dropped: Counter[str], make: Callable[[Line], T | str]
) -> tuple[list[T], list[T]]:
    """What ``make`` makes of a source's lines: for training, and for validation."""
    sides: tuple[list[T], list[T]] = ([], [])

    def made(line: Line) -> tuple[bool, T] | str:
        found = make(line)
        return found if isinstance(found, str) else (held_out(line, settings, source), found)

    for aside, found in examples(source, dropped, made):
        sides[aside].append(found)
    return sides


def _count(held: Iterable[HeldSamples]) -> int:
    return sum(samples.places.size for samples in held)


def _digest(held: Iterable[HeldSamples]) -> str:
    digest = hashlib.sha256()
    for samples in held:
        samples.feed(digest)
    return f"sha256:{digest.hexdigest()}"
