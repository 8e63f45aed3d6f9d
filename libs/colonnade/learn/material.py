"""What a run learns from, and what it looks at without learning, ready to be drawn batch by batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from colonnade.errors import InvalidArgument
from colonnade.learn.checkpoints import Json
from colonnade.learn.data.batches import Batches
from colonnade.learn.data.chat_format import ChatFormat
from colonnade.learn.data.example_settings import ExampleSettings
from colonnade.learn.data.examples import read_examples
from colonnade.learn.data.loader import Loader, LoaderSettings
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.progress import Progress
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.token_set import TokenSet
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.place import Place
from colonnade.learn.recipe import Recipe
from colonnade.learn.tuning.origin import Origin


@dataclass(frozen=True, slots=True)
class Material:
    train: Batches[Any]
    validation: Batches[Any] | None
    """None where nothing is for validation."""
    tokenizer: Tokenizer
    vocabulary: int
    """How many tokens it has."""
    end_of_text: int
    passes: int
    """How many batches of ``train`` make a step."""
    asked: Callable[[str], Sequence[int]]
    """A prompt as tokens: of a text, or a question as examples have it."""
    facts: Mapping[str, Json]
    """What of it a version's lineage names, by digest."""
    sentence: str = ""
    """What a person should know of it."""


def material_of(
    recipe: Recipe, place: Place, origin: Origin | None, mesh: ScalableMesh, tell: Callable[[Progress], None]
) -> Material:
    """Prepares what is not prepared yet, in the first process; each has its own part of every batch. Raises
    ``ColonnadeError``, also where ``tell`` does."""
    if recipe.data is not None:
        return _of_texts(recipe, recipe.data, place, origin, mesh, tell)
    assert recipe.examples is not None, "the recipe refuses neither"
    assert origin is not None, "the recipe refuses examples without a model"
    return _of_examples(recipe, recipe.examples, origin, mesh)


def check_rows(tokens: int, config: Any) -> None:
    """Raises ``InvalidArgument`` for rows that are longer than a model of that configuration can read."""
    if tokens > config.context_length:
        raise InvalidArgument(
            f"batch.tokens is {tokens}, the model's context_length {config.context_length}; make it at most"
            " that",
            field="batch.tokens",
            limit=config.context_length,
        )


def _of_examples(recipe: Recipe, settings: ExampleSettings, origin: Origin, mesh: ScalableMesh) -> Material:
    """As the model that the run starts from writes conversations."""
    chat = ChatFormat.of(origin.folder, origin.config.vocab_size)
    places = recipe.batch.tokens * recipe.batch.rows
    found = read_examples(
        settings, chat, places=places, seed=recipe.seed, rank=mesh.part, world=mesh.layout.parts
    )
    return Material(
        train=found.train,
        validation=found.validation,
        tokenizer=Tokenizer.from_str(origin.source.tokenizer.tokenizer),
        vocabulary=origin.config.vocab_size,
        end_of_text=chat.end,
        passes=recipe.batch.accumulate,
        asked=chat.asked,
        facts={"examples": found.digest},
        sentence=found.sentence,
    )


def _of_texts(
    recipe: Recipe,
    said: DataSettings,
    place: Place,
    origin: Origin | None,
    mesh: ScalableMesh,
    tell: Callable[[Progress], None],
) -> Material:
    data = said if origin is None else origin.settings(said)
    mesh.led(lambda: _prepared(data, place, tell))
    tokens = TokenSet.open(place.data)
    passes = mesh.layout.passes(recipe.batch.accumulate)
    card, tokenizer = tokens.card, Tokenizer.from_file(str(tokens.tokenizer))
    return Material(
        train=_loader(recipe, tokens, "train", mesh, recipe.batch.accumulate // passes),
        validation=_loader(recipe, tokens, "validation", mesh) if card.splits.get("validation") else None,
        tokenizer=tokenizer,
        vocabulary=card.vocabulary,
        end_of_text=card.end_of_text,
        passes=passes,
        asked=lambda prompt: tokenizer.encode(prompt).ids,
        facts={"token_set": card.digest},
    )


def _prepared(data: DataSettings, place: Place, tell: Callable[[Progress], None]) -> None:
    prepare(data, place.data, tell)


def _loader(recipe: Recipe, tokens: TokenSet, split: str, mesh: ScalableMesh, together: int = 1) -> Loader:
    """``together`` of the recipe's batches are one: the processes share its rows."""
    batch = recipe.batch
    mixture = recipe.mixture if split == "train" else {}
    settings = LoaderSettings(batch.tokens, batch.rows * together, batch.packing, mixture)
    return Loader(
        tokens.rows(split),
        settings,
        end_of_text=tokens.card.end_of_text,
        seed=recipe.seed,
        rank=mesh.part,
        world=mesh.layout.parts,
    )
