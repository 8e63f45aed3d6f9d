"""The loop: steps from where the run stands to its end, looked at, told and kept on the way."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Generic, TypeVar

from colonnade.learn.checkpoints import Json
from colonnade.learn.data.batches import Batch, Batches
from colonnade.learn.lineage import check_same
from colonnade.learn.loop.evaluation import evaluate
from colonnade.learn.loop.held import held_bytes
from colonnade.learn.loop.learner import Learner
from colonnade.learn.loop.objectives import Objective
from colonnade.learn.loop.step import Before, Stepped, Stepper
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.throughput import Throughput
from colonnade.learn.mesh.checkpoints import SharedCheckpoints
from colonnade.learn.recipe import Recipe
from colonnade.learn.reports import Began, Evaluated, Listener, Said, Sampled, Saved
from colonnade.learn.reports import Stepped as Reported
from colonnade.learn.schedules import make_schedule
from colonnade.learn.verdicts import Action

B = TypeVar("B", bound=Batch)
Continue = Callable[[str], str]
"""How the model goes on with a prompt."""


class Ending(StrEnum):
    DONE = "done"
    STOPPED = "stopped"
    """Somebody asked for it; it goes on from its last checkpoint."""
    SICK = "sick"
    """The numbers went wrong; the last checkpoint is from before that."""


@dataclass(frozen=True, slots=True)
class Outcome:
    ending: Ending
    step: int
    metrics: Mapping[str, Json]
    sentence: str = ""


@dataclass
class Trainer(Generic[B]):
    """``train`` once. The learner, the listener and the checkpoints are its own while it does."""

    recipe: Recipe
    learner: Learner
    objective: Objective[B]
    loader: Batches[B]
    validation: Batches[B] | None
    """None where nothing is for validation."""
    checkpoints: SharedCheckpoints
    listener: Listener
    throughput: Throughput
    continues: Continue
    before: Before[B]
    passes: int
    """Batches of a step."""
    stop: Stop = field(default_factory=Stop)
    facts: Mapping[str, Json] = field(default_factory=dict)
    """What every checkpoint says besides: the recipe, the token set."""

    def __post_init__(self) -> None:
        recipe = self.recipe
        self._schedule = make_schedule(recipe.schedule, recipe.steps)
        self._stepper = Stepper(
            self.learner, self.objective, self.before, self._schedule, recipe.precise, recipe.clipping,
        )  # fmt: skip
        self._device = next(self.learner.model.parameters()).device
        self._metrics: dict[str, Json] = {}
        self._losses: list[Stepped] = []

    def train(self) -> Outcome:
        """From the last whole checkpoint, or the beginning. Raises what a checkpoint's writing raised."""
        start = self._resumed()
        self.listener(Began(start))
        if not start and self.recipe.model.from_ is not None:
            self._evaluate(0)  # what it has learnt is seen beside what it was
        step = start
        with self.loader.stream(start * self.passes) as batches:
            self.throughput.pause()
            while step < self.recipe.steps:
                last = self._step(step, list(islice(batches, self.passes)))
                step += 1
                if last.verdict.action is Action.STOP:
                    return Outcome(Ending.SICK, step, self._metrics, last.verdict.sentence)
                self._after(step)
                if self.learner.mesh.any(self.stop.wanted) and step < self.recipe.steps:
                    self._save(step, wait=True)
                    return Outcome(Ending.STOPPED, step, self._metrics, f"stopped after step {step}")
        self._finish(step, fresh=step > start)
        return Outcome(Ending.DONE, step, self._metrics)

    def _resumed(self) -> int:
        snapshot = self.checkpoints.latest(
            lambda sentence: self.listener(Said(sentence)), self.learner.part_of
        )
        if snapshot is None:
            return 0
        check_same(snapshot.facts, self.facts)
        for difference in self.learner.restore(snapshot):
            self.listener(Said(difference))
        self._metrics = dict(snapshot.facts["metrics"])
        return snapshot.step

    def _step(self, step: int, batches: list[B]) -> Stepped:
        told = _due(step + 1, self.recipe.reports.every)
        self.learner.mesh.seed(self.recipe.seed, step)
        found = self._stepper(step, batches, watch=told)
        self.throughput.add(found.places)
        if found.verdict.sentence:
            self.listener(Said(found.verdict.sentence, {"step": step, "cause": found.verdict.cause}))
        self._losses.append(found)
        if told:
            self._tell(step)
        return found

    def _tell(self, step: int) -> None:
        """What was measured since the last time: means of losses and norms, the rate, the speed."""
        sound = [each for each in self._losses if each.verdict.action is Action.CONTINUE]
        values = {
            "learning_rate": self.recipe.optimiser.learning_rate * self._schedule(step),
            "epoch": self._epoch(step + 1),
            "skipped": float(len(self._losses) - len(sound)),
            **self.throughput.look(),
            **held_bytes(self._device),
        }
        if sound:
            values["loss"] = sum(each.loss for each in sound) / len(sound)
            values["gradient_norm"] = sum(each.norms.total for each in sound) / len(sound)
            values |= {f"gradient_norm/{name}": norm for name, norm in sound[-1].norms.groups.items()}
            values |= {
                f"update_ratio/{name}": each.update_ratio for name, each in self._losses[-1].moved.items()
            }
            values |= {
                name: sum(each.measures[name] for each in sound) / len(sound) for name in sound[0].measures
            }
            self._metrics["train"] = {"loss": values["loss"]}
        if self.learner.scaler:
            values["loss_scale"] = self.learner.scaler.scale
        self._losses.clear()
        self.listener(Reported(step + 1, values))

    def _after(self, done: int) -> None:
        if _due(done, self.recipe.evaluation.every) and done < self.recipe.steps:
            self._evaluate(done)
        if _due(done, self.recipe.checkpoints.every) and done < self.recipe.steps:
            self._save(done)

    def _finish(self, done: int, *, fresh: bool) -> None:
        if fresh:
            self._evaluate(done)
            self._save(done, wait=True)

    def _evaluate(self, done: int) -> None:
        average = self.learner.average
        shown: AbstractContextManager[None] = average.applied() if average else nullcontext()
        with shown:
            if self.validation is not None:
                batches = self.validation.whole(self.recipe.evaluation.batches)
                precision, mesh = self.recipe.precise, self.learner.mesh
                found = evaluate(self.learner.model, self.objective, batches, precision, mesh)
                self._metrics["validation"] = dict(found)
                best = self._metrics.get("best")
                if best is None or found["loss"] < best["loss"]:
                    self._metrics["best"] = {"step": done, **found}
                self.listener(Evaluated(done, found))
            for prompt in self.recipe.evaluation.prompts:
                self.listener(Sampled(done, prompt, self.continues(prompt)))
            self.learner.mesh.fold(self.learner.model)
        self.throughput.pause()

    def _save(self, done: int, *, wait: bool = False) -> None:
        facts = {**self.facts, "metrics": self._metrics}
        self.checkpoints.save(self.learner.snapshot(done, self._epoch(done), facts), wait=wait)
        self.listener(Saved(done))
        self.throughput.pause()

    def _epoch(self, done: int) -> float:
        return self.loader.epoch(done * self.passes)


def _due(done: int, every: int) -> bool:
    return done % every == 0
