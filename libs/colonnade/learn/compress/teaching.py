"""The teacher of a run: a model folder that the recipe names, and the objective that it makes."""

from pathlib import Path

import torch

from colonnade.errors import InvalidArgument
from colonnade.learn.compress.distillation import TEACHER, Distillation, check_vocabulary
from colonnade.learn.compress.settings import DistilSettings
from colonnade.learn.data.tokenizer_settings import TokenizerFileSettings
from colonnade.learn.data.tokenizing import load
from colonnade.learn.recipe import Recipe
from colonnade.learn.stored_model import StoredModel
from colonnade.models.text.tokenizer import Tokenizer


def teacher_of(recipe: Recipe, origin: StoredModel | None) -> StoredModel | None:
    """None where the recipe names none. Raises a ``ColonnadeError`` for one that cannot teach this run."""
    if not isinstance(recipe.objective, DistilSettings):
        return None
    teacher = StoredModel.open(Path(recipe.objective.teacher), TEACHER)
    own = Tokenizer(teacher.source.tokenizer.tokenizer)
    if not own.spells_like(_students(recipe, origin)):
        raise InvalidArgument(
            f"{TEACHER}: it spells otherwise than the student; name a teacher with the same tokenizer, or for"
            " a new student the teacher's: data.tokenizer: {kind: file, path: <objective.teacher>}",
            field=TEACHER,
        )
    if origin is not None:
        check_vocabulary(teacher.config.vocab_size, origin.config.vocab_size)
    if recipe.batch.tokens > teacher.config.context_length:
        raise InvalidArgument(
            f"batch.tokens is {recipe.batch.tokens}, the teacher's context_length"
            f" {teacher.config.context_length}; make it at most that",
            field="batch.tokens",
            limit=teacher.config.context_length,
        )
    return teacher


def distillation(recipe: Recipe, teacher: StoredModel, device: torch.device) -> Distillation:
    assert isinstance(recipe.objective, DistilSettings), "it names the teacher"
    return Distillation(teacher.serving(recipe.precise.weights).to(device), recipe.objective)


def _students(recipe: Recipe, origin: StoredModel | None) -> Tokenizer:
    if origin is not None:
        return Tokenizer(origin.source.tokenizer.tokenizer)
    assert recipe.data is not None, "a recipe without data begins from a model"
    assert isinstance(recipe.data.tokenizer, TokenizerFileSettings), "the recipe refuses others"
    return Tokenizer(load(recipe.data.tokenizer).definition)
