"""A loaded model with everything that serves it."""

from dataclasses import dataclass, field

from colonnade.engine.cache import StateStore
from colonnade.engine.text import ChatTemplate, Tokenizer
from colonnade.models.protocol import Capability, LanguageModel


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
    begin_id: int | None = None
    """The token that stands before a text that has no context of its own."""
    store: StateStore = field(init=False)
    active: int = 0
    """Requests that wait or run."""
    retired: bool = False
    """Takes no more requests: it is being unloaded."""

    def __post_init__(self) -> None:
        self.store = StateStore(
            self.model.states,
            dtype=self.model.dtype,
            device=self.model.device,
            page_multiple=self.model.page_multiple,
            sharing=Capability.PREFIX_SHARING in self.model.capabilities,
        )
