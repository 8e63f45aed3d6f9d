"""A loaded model with everything that serves it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from colonnade.engine.cache import StateStore
from colonnade.engine.structure import Grammars
from colonnade.engine.text import ChatTemplate, Tokenizer
from colonnade.models.protocol import Capability, Decoder, LanguageModel

if TYPE_CHECKING:
    from colonnade.engine.speculation.speculation import Speculation


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model version: the digest is what is loaded, name and version are what people say."""

    name: str
    version: int
    digest: str


@dataclass(eq=False, slots=True)
class Runtime:
    """One loaded model version. ``active`` and ``retired`` are guarded by the core's lock."""

    ref: ModelRef
    family: str
    model: LanguageModel
    tokenizer: Tokenizer
    template: ChatTemplate | None = None
    stop_ids: frozenset[int] = frozenset()
    weights: str = "float32"
    """What most of the weights are kept in."""
    page_dtype: torch.dtype | None = None
    """Of cached keys and values; None for the model's own."""
    begin_id: int | None = None
    """The token that stands before a text that has no context of its own."""
    store: StateStore = field(init=False)
    grammars: Grammars = field(init=False)
    active: int = 0
    """Requests that wait or run."""
    retired: bool = False
    """Takes no more requests: it is being unloaded."""
    speculation: "Speculation | None" = None
    """What guesses the next tokens of its requests."""
    copy: LanguageModel | None = None
    """The same model in fewer bits, if that is what guesses."""

    def __post_init__(self) -> None:
        self.grammars = Grammars(lambda: self.tokenizer.definition, self.model.vocab_size, self.stop_ids)
        self.store = StateStore(
            self.model.states,
            dtype=self.model.dtype,
            device=self.model.device,
            page_dtype=self.page_dtype,
            page_multiple=self.model.page_multiple,
            sharing=Capability.PREFIX_SHARING in self.model.capabilities,
        )

    @property
    def memory_bytes(self) -> int:
        """Of weights."""
        return self.model.memory_bytes + (self.copy.memory_bytes if self.copy else 0)

    def decoder(self, stop_ids: frozenset[int]) -> Decoder:
        """A new decoder, for a request that ends at any of these tokens."""
        plain = self.model.decoder()
        return self.speculation.decoder(self.model, plain, stop_ids) if self.speculation else plain
