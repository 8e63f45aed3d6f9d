"""What children do until they are killed."""

import os
import random
import resource
import signal
import sys
from collections.abc import Iterator
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from colonnade.errors import Unavailable
from colonnade.learn.checkpoints import (
    CheckpointManager,
    Retention,
    Snapshot,
    capture_random,
    restore_random,
)
from colonnade.learn.optimisers import state
from tests.unit.learn.checkpoints.making import snapshot

_WATCHED = frozenset(
    {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "fcntl.flock"}
)
STEPS = 40
_LARGE = 10_000


def write_for_ever(root: Path, size: int, sent: Connection) -> None:
    """Tells of each step that it begins to save, and of each that is said to be on the disk."""
    if size < _LARGE:
        _hasten()
    with CheckpointManager(root, retention=Retention(keep_last=2), shard_bytes=size * 6) as checkpoints:
        found = checkpoints.latest(lambda told: sent.send(("told", told)))
        for step in count(1 if found is None else found.step + 1):
            sent.send(("begun", step))
            checkpoints.save(snapshot(step, size=size), wait=step % 3 == 0)
            sent.send(("saved", step if step % 3 == 0 else step - 1))


def write_too_much(root: Path, most: int, sent: Connection) -> None:
    """The kernel ends a write in its middle: no file of this process may have more bytes."""
    with CheckpointManager(root) as checkpoints:
        checkpoints.save(snapshot(1), wait=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        try:
            checkpoints.save(snapshot(2, size=most), wait=True)
        except Unavailable as error:
            sent.send(error.message)
        checkpoints.save(snapshot(3), wait=True)


def replace_and_remove(root: Path, die_at: int, sent: Connection) -> None:
    """Saves step 1, another in its place, and step 2, for which 1 goes; dies before some act on files."""
    _hasten()
    with CheckpointManager(root, retention=Retention(keep_last=1), shard_bytes=60) as checkpoints:
        checkpoints.save(snapshot(1, seed=1), wait=True)
        sent.send((1, 1))
        _die_at(die_at)
        for step, seed in ((1, 2), (2, 3)):
            checkpoints.save(snapshot(step, seed=seed), wait=True)
            sent.send((step, seed))


def _hasten() -> None:
    """What a killed process wrote is there, whether it was put on the disk or not."""
    os.fsync = lambda fd: None


def _die_at(number: int) -> None:
    acts = count(1)

    def act() -> None:
        if next(acts) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, _: tuple[Any, ...]) -> None:
        if event in _WATCHED:
            act()

    sys.addaudithook(heard)
    os.fsync = lambda fd: act()


class Training:
    """A small run that depends on everything a snapshot holds: weights, moments, an average, a schedule, the
    three random generators, and what it measured so far."""

    def __init__(self, seed: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(11)
        np.random.seed(12)
        random.seed(seed)
        first, last = nn.Linear(8, 16), nn.Linear(16, 8, bias=False)
        first.weight = nn.Parameter(last.weight.detach().t().clone())  # whose strides are a transpose's
        self.model = nn.Sequential(first, nn.GELU(), nn.Dropout(0.2), nn.LayerNorm(16), last)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-2, betas=(0.9, 0.95))
        self.average = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        self.best = 1e9
        self.step = 0

    def learn(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = 1e-2 * (1 - self.step / STEPS)
        x_BD = torch.from_numpy(np.random.standard_normal((6, 8))).float() + random.gauss(0, 0.1)
        loss = (self.model(x_BD) - x_BD.roll(1, dims=1)).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        for name, value in self.model.named_parameters():
            self.average[name].lerp_(value.detach(), 0.1)
        self.best = min(self.best, loss.item())
        self.step += 1

    def snapshot(self) -> Snapshot:
        moments, optimiser = state.flatten(self.optimiser, dict(self.model.named_parameters()))
        return Snapshot(
            self.step,
            self.step / STEPS,
            {f"model/{name}": value for name, value in self.model.named_parameters()}
            | {f"average/{name}": value for name, value in self.average.items()}
            | moments,
            {"random": capture_random(), "optimiser": optimiser, "metrics": {"best": self.best}},
        )

    def go_on_from(self, found: Snapshot) -> None:
        self.step, self.best = found.step, found.facts["metrics"]["best"]
        with torch.no_grad():
            _fill(dict(self.model.named_parameters()), found.group("model"))
            _fill(self.average, found.group("average"))
        names = dict(self.model.named_parameters())
        state.restore(self.optimiser, names, found.tensors, found.facts["optimiser"])
        restore_random(found.facts["random"])


def _fill(own: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    assert own.keys() == found.keys()
    for name, value in own.items():
        value.copy_(found[name])


def train(root: Path, seed: int, sent: Connection) -> None:
    """To the last step, from wherever it is; tells of every step, and saves every third while it goes on."""
    _hasten()
    for step in _trained(root, seed):
        sent.send(step)


def _trained(root: Path, seed: int) -> Iterator[int]:
    training = Training(seed)
    with CheckpointManager(root, retention=Retention(keep_last=2), shard_bytes=4000) as checkpoints:
        if (found := checkpoints.latest(_fail)) is not None:
            training.go_on_from(found)
        while training.step < STEPS:
            training.learn()
            yield training.step
            if training.step % 3 == 0 or training.step == STEPS:
                checkpoints.save(training.snapshot())


def _fail(told: str) -> None:
    raise AssertionError(told)
