"""Pairs of answers of which one is preferred: ``{"prompt", "chosen", "rejected"}``, for DPO and its kin.

``prompt`` is a text, or a list of messages. Both answers follow the same tokens. Rafailov et al., "Direct
Preference Optimization: Your Language Model is Secretly a Reward Model", 2023 (arXiv:2305.18290).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from colonnade.errors import InvalidArgument
from colonnade.learn.data.batches import IGNORE, Sample, TokenBatch, Tokens, check_rank, collate
from colonnade.learn.data.chat_format import ASSISTANT, ChatFormat, Turn
from colonnade.learn.data.conversations import LineSettings, examples, fitted, text_of, turns_of
from colonnade.learn.data.lengths import LengthPlan, LengthSettings, nothing, share
from colonnade.learn.data.permutation import key_of
from colonnade.learn.data.read_ahead import read_ahead
from colonnade.learn.data.samples import HeldSamples


@dataclass(frozen=True, slots=True)
class PreferenceBatch:
    """Row i of both belongs to the same prompt; the two may differ in width."""

    chosen: TokenBatch
    rejected: TokenBatch

    @property
    def learnt(self) -> int:
        """How many pairs there are."""
        return int((self.chosen.targets_BT != IGNORE).any(1).sum())

    @property
    def places(self) -> int:
        return self.chosen.places + self.rejected.places

    def to(self, device: torch.device) -> "PreferenceBatch":
        return PreferenceBatch(self.chosen.to(device), self.rejected.to(device))


@dataclass(frozen=True, slots=True)
class Preferences:
    chosen: HeldSamples
    rejected: HeldSamples
    dropped: Mapping[str, int]
    """Lines that were left out, by reason."""


def read_preferences(settings: LineSettings, chat: ChatFormat) -> Preferences:
    """All pairs of the files, in memory. Raises ``InvalidArgument`` naming file and line. A pair is left out
    where either answer is too long."""
    dropped: Counter[str] = Counter()
    pairs = list(examples(settings, dropped, lambda line: pair_of(line, settings, chat)))
    return Preferences(
        HeldSamples(pair[0] for pair in pairs), HeldSamples(pair[1] for pair in pairs), dropped
    )


class PreferenceLoader:
    """Batches of pairs by length, all of them once an epoch; of a step's places each side has a half."""

    def __init__(
        self, held: Preferences, settings: LengthSettings, *,
        pad: int, seed: int, rank: int = 0, world: int = 1,
    ) -> None:  # fmt: skip
        check_rank(rank, world)
        self._sides = (held.chosen, held.rejected)
        self._pad, self._ahead, self._rank, self._world = pad, settings.ahead, rank, world
        places: Tokens = np.maximum(held.chosen.places, held.rejected.places)
        halved = replace(settings, places=settings.places // 2)
        self.plan = LengthPlan(places, halved, key_of(seed, "preferences"))

    def batch(self, step: int) -> PreferenceBatch:
        """This rank's pairs of a step. A rank for which there is none gets one without any target."""
        numbers = share(self.plan.step(step), self._rank, self._world).tolist()
        sides = [[side.sample(number) for number in numbers] or [nothing(self._pad)] for side in self._sides]
        return PreferenceBatch(*(collate(rows, [0] * len(rows), pad=self._pad) for rows in sides))

    def stream(self, start: int) -> AbstractContextManager[Iterator[PreferenceBatch]]:
        """batch(start), batch(start + 1) ... read ahead by one thread, which is gone when this is left."""
        return read_ahead(self.batch, start, self._ahead)

    def whole(self, batches: int | None = None) -> Iterator[PreferenceBatch]:
        """Every pair exactly once, or the first ``batches`` batches of that, always the same."""
        steps = self.plan.steps()
        return map(self.batch, range(steps if batches is None else min(batches, steps)))

    def epoch(self, step: int) -> float:
        """How often all pairs have been seen before ``step``."""
        return self.plan.epoch(step)


def pair_of(line: dict[str, Any], settings: LineSettings, chat: ChatFormat) -> tuple[Sample, Sample] | str:
    """Both answers with their prompt, or why they are left out."""
    answers = [text_of(line, "chosen"), text_of(line, "rejected")]
    if answers[0] == answers[1]:
        raise InvalidArgument("chosen and rejected are the same", field="rejected")
    prompt = line.get("prompt")
    if isinstance(prompt, str):
        samples = [chat.answered(prompt, answer) for answer in answers]
    else:
        turns = [replace(turn, learnt=False) for turn in turns_of(line, "prompt")]
        samples = [chat.conversation([*turns, Turn(ASSISTANT, answer)]) for answer in answers]
    first, second = (fitted(sample, settings) for sample in samples)
    if isinstance(first, str):
        return first
    return second if isinstance(second, str) else (first, second)
