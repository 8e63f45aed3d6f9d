"""A model folder that something is made of: a training goes on from it, a smaller model is cut out of it, it
teaches, it is exported. An artefact folder or one of Hugging Face's, of the family ``transformer``."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, Unsupported
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.convert.source import Source, digest_of
from colonnade.models.convert.write import texts
from colonnade.models.families.transformer.checkpoint import blank
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.names import stored_name


@dataclass(frozen=True, slots=True)
class StoredModel:
    folder: Path
    source: Source
    digest: str
    """Of the files that describe the model, its weights and its tokenizer."""

    @classmethod
    def open(cls, folder: Path, field: str = "model") -> Self:
        """Reads all of it once, for the digest. Raises a ``ColonnadeError`` that names ``field``."""
        folder = folder.expanduser().absolute()
        if not folder.exists():
            raise NotFound(f"{field}: there is no folder {folder.name}", field=field)
        if not folder.is_dir():
            raise InvalidArgument(
                f"{field} is a folder with config.json, model.safetensors and tokenizer.json; make one of"
                f" {folder.name} with: python -m colonnade.models.convert",
                field=field,
            )
        try:
            source = open_folder(folder)
        except ColonnadeError as error:
            raise type(error)(f"{field}: {error.message}", **error.details | {"field": field}) from error
        if not isinstance(source.config, TransformerConfig):
            raise Unsupported(
                f"{field}: models of this family cannot be taken here; those of transformer can",
                field=field,
                supported=["transformer"],
            )
        return cls(folder, source, digest_of(source.files, lambda count: None))

    @property
    def config(self) -> TransformerConfig:
        assert isinstance(self.source.config, TransformerConfig), "open() refuses others"
        return self.source.config

    @property
    def parameters(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.source.tensors)

    def reader(self) -> Callable[[str], Tensor]:
        """Reads a parameter by the name that the model has for it."""
        stored = {tensor.name: tensor for tensor in self.source.tensors}
        return lambda own: stored[stored_name(own)].read()

    def weights(self, model: Transformer, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """A copy of each parameter that ``model`` has, by its own name: what changes later in the files does
        not change them. ``dtype`` None keeps the stored one."""
        read = self.reader()
        return {own: read(own).to(dtype, copy=True) for own, _ in model.named_parameters()}

    def model(self, dtype: torch.dtype | None = None) -> Transformer:
        """With its weights, to be trained."""
        model = blank(self.config)
        model.load_state_dict(self.weights(model, dtype), strict=True, assign=True)
        return model

    def serving(self, dtype: torch.dtype | None = None) -> Transformer:
        """The same, frozen."""
        return self.model(dtype).requires_grad_(False).eval()

    def write_texts(self, folder: Path) -> None:
        """Configuration and tokenizer: whatever is neither weights nor says where they come from."""
        for name, text in texts(self.source).items():
            (folder / name).write_text(text, encoding="utf-8")
