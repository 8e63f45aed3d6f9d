"""A model that is there, judged on text: the figures that a training from it tells before its first step."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from colonnade.errors import Cancelled, InvalidArgument
from colonnade.learn.checkpoints import Json
from colonnade.learn.data.batches import Batches
from colonnade.learn.data.chat_format import ChatFormat
from colonnade.learn.data.examples import read_examples
from colonnade.learn.data.loader import Loader, LoaderSettings
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.progress import Progress
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.token_set import TokenSet
from colonnade.learn.lineage import lineage
from colonnade.learn.loop.evaluation import evaluate
from colonnade.learn.loop.objectives import NextToken
from colonnade.learn.loop.samples import continued
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending, Outcome
from colonnade.learn.material import check_rows
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.place import Place
from colonnade.learn.recipe import EvaluateRecipe
from colonnade.learn.reports import Evaluated, Listener, Said, Sampled
from colonnade.learn.results import result_of
from colonnade.learn.stages import check, counted, preparing
from colonnade.learn.tuning.origin import Origin
from colonnade.models.families import catalog

_FAMILY = "transformer"
"""What ``Origin`` opens."""


@dataclass(frozen=True, slots=True)
class _Suite:
    """What it is judged on."""

    batches: Batches[Any]
    tokenizer: Tokenizer
    end: int
    """The token that ends a text."""
    asked: Callable[[str], Sequence[int]]
    """A prompt as tokens."""
    facts: Mapping[str, Json]
    sentence: str = ""


def judge(recipe: EvaluateRecipe, place: Place, listener: Listener, stop: Stop) -> Outcome:
    """Started again it begins anew, but for text that is prepared. Raises ``ColonnadeError``."""
    origin = Origin.open(Path(recipe.model.from_))
    check_rows(recipe.batch.tokens, origin.config)
    place.take(recipe)
    try:
        suite = _suite(recipe, place, origin, preparing(listener, stop))
        if suite.sentence:
            listener(Said(suite.sentence))
        outcome = _judged(recipe, origin, suite, listener, stop)
    except Cancelled:
        return Outcome(Ending.STOPPED, 0, {}, "stopped before the end of the evaluation")
    if outcome.ending is Ending.DONE:
        place.conclude(result_of(outcome, lineage(recipe, suite.facts, origin)))
    return outcome


def _judged(recipe: EvaluateRecipe, origin: Origin, suite: _Suite, listener: Listener, stop: Stop) -> Outcome:
    said, device = recipe.evaluation, ScalableMesh.alone().device
    model = origin.serving(recipe.precise.weights).to(device)
    objective = NextToken(catalog.trainable(_FAMILY).objective)
    batches = counted("evaluate", suite.batches.whole(said.batches), said.batches, listener, stop)
    found = evaluate(model, objective, batches, recipe.precise)
    if not all(map(math.isfinite, found.values())):
        return Outcome(Ending.SICK, 0, {}, "the model's loss is no number: its weights are damaged")
    listener(Evaluated(0, found))
    for prompt in said.prompts:
        check(stop)
        text = continued(model, suite.tokenizer, suite.asked(prompt), said.prompt_tokens, suite.end)
        listener(Sampled(0, prompt, text))
    return Outcome(Ending.DONE, 0, {"validation": dict(found)})


def _suite(recipe: EvaluateRecipe, place: Place, origin: Origin, tell: Callable[[Progress], None]) -> _Suite:
    if recipe.data is not None:
        return _texts(recipe, recipe.data, place, origin, tell)
    return _examples(recipe, origin)


def _texts(
    recipe: EvaluateRecipe, data: DataSettings, place: Place, origin: Origin, tell: Callable[[Progress], None]
) -> _Suite:
    prepare(origin.settings(data), place.data, tell)
    tokens, batch = TokenSet.open(place.data), recipe.batch
    card, tokenizer = tokens.card, Tokenizer.from_file(str(tokens.tokenizer))
    split = _side(recipe, "data.split.validation", there=bool(card.splits.get("validation")))
    settings = LoaderSettings(batch.tokens, batch.rows, batch.packing)
    return _Suite(
        Loader(tokens.rows(split), settings, end_of_text=card.end_of_text, seed=recipe.seed),
        tokenizer,
        card.end_of_text,
        asked=lambda prompt: tokenizer.encode(prompt).ids,
        facts={"token_set": card.digest},
    )


def _examples(recipe: EvaluateRecipe, origin: Origin) -> _Suite:
    assert recipe.examples is not None, "the recipe refuses neither"
    chat = ChatFormat.of(origin.folder, origin.config.vocab_size)
    places = recipe.batch.tokens * recipe.batch.rows
    found = read_examples(recipe.examples, chat, places=places, seed=recipe.seed)
    side = _side(recipe, "examples.validation", there=found.validation is not None)
    batches = found.train if side == "train" else found.validation
    assert batches is not None, "it is there"
    return _Suite(
        batches,
        Tokenizer.from_str(origin.source.tokenizer.tokenizer),
        chat.end,
        asked=chat.asked,
        facts={"examples": found.digest},
        sentence=f"examples that were left out: {found.left_out}" if found.left_out else "",
    )


def _side(recipe: EvaluateRecipe, field: str, *, there: bool) -> str:
    """What is for validation, where anything is; else all. ``there``: whether anything is."""
    if recipe.share and not there:
        raise InvalidArgument(
            f"{field} is {recipe.share:g}, and nothing fell to it; raise it, or leave it out for all",
            field=field,
        )
    return "validation" if there else "train"
