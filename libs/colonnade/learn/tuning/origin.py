"""The model folder that a run starts from, and the run's tokenizer with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer

from colonnade.errors import InvalidArgument
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.tokenizer_settings import TokenizerFileSettings
from colonnade.learn.data.tokenizing import load
from colonnade.learn.data.tokenizing.files import parsed
from colonnade.learn.stored_model import StoredModel

FIELD = "model.from"


@dataclass(frozen=True, slots=True)
class Origin(StoredModel):
    @classmethod
    def open(cls, folder: Path, field: str = FIELD) -> Self:
        return super(Origin, cls).open(folder, field)

    @property
    def end_of_text(self) -> str:
        """The token that ends a text, or an answer. Raises ``InvalidArgument`` where the model names none."""
        files = self.source.tokenizer
        spelt = Tokenizer.from_str(files.tokenizer)
        named = files.config.get("eos_token")
        numbers = files.generation.get("eos_token_id") or ()
        found = [named] if named else [spelt.id_to_token(number) for number in numbers]
        if not found or spelt.token_to_id(str(found[0])) is None:
            raise InvalidArgument(
                f"{FIELD}: tokenizer_config.json names no eos_token that the tokenizer knows; add it, or name"
                " one in data.tokenizer: {kind: file, path: ..., end_of_text: ...}",
                field=FIELD,
            )
        return str(found[0])

    def settings(self, data: DataSettings) -> DataSettings:
        """``data`` with the model's tokenizer. Raises ``InvalidArgument`` where it names one that spells
        otherwise."""
        if data.tokenizer is None:
            own = TokenizerFileSettings(path=str(self.folder), end_of_text=self.end_of_text)
            return data.model_copy(update={"tokenizer": own})
        assert isinstance(data.tokenizer, TokenizerFileSettings), "the recipe refuses others"
        given = parsed(load(data.tokenizer).definition)
        mine = Tokenizer.from_str(self.source.tokenizer.tokenizer)
        if given.get_vocab(with_added_tokens=True) != mine.get_vocab(with_added_tokens=True):
            raise InvalidArgument(
                f"data.tokenizer spells otherwise than the model of {FIELD}; leave it out, or name the"
                " model's own",
                field="data.tokenizer",
            )
        return data
