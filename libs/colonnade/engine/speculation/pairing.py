"""Which loaded model guesses for which: set up when a version is loaded, taken down when one goes.

Used on the event loop alone, but for ``copies``, which any thread may ask.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from colonnade.engine.cache import CacheBudget, StateStore
from colonnade.engine.kernels.pack import Weights
from colonnade.engine.runtime import Runtime
from colonnade.engine.speculation.decoder import suits
from colonnade.engine.speculation.draft import DraftGuesser
from colonnade.engine.speculation.guessers import LookupGuesser
from colonnade.engine.speculation.lengths import Adaptive
from colonnade.engine.speculation.method import Method
from colonnade.engine.speculation.speculation import Speculation
from colonnade.errors import InvalidArgument
from colonnade.models.protocol import LanguageModel
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)
FEWEST_BITS: Weights = "int4"
"""Of a copy that guesses for the model it was made of."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A model that is guessed for, and what has to be given back when it goes."""

    guesser: DraftGuesser
    draft: Runtime | None
    """The version that guesses; None for a copy of the model itself."""
    own: StateStore | None


class Pairing:
    def __init__(self, method: Method, budget: CacheBudget) -> None:
        self.method, self._budget = method, budget
        self._pairs: dict[Runtime, _Pair] = {}

    def copies(self, runtime: Runtime) -> bool:
        """Whether the model is to be its own draft, in fewer bits than it has."""
        if self.method.kind != "self" or not _can_speculate(runtime):
            return False
        why_not = ""
        if runtime.weights == FEWEST_BITS:
            why_not = f"its weights are kept in {FEWEST_BITS} already"
        elif runtime.model.device.type != "cpu":
            why_not = f"{FEWEST_BITS} weights are computed on the CPU alone"
        if why_not:
            _LOG.warning("no draft", model=runtime.ref.name, reason=why_not)
        return not why_not

    def copy_bytes(self, parameters: int) -> int:
        """About what the copy of a model will take."""
        return parameters * 5 // 8 if self.method.kind == "self" else 0

    def joined(self, runtime: Runtime, loaded: Iterable[Runtime]) -> None:
        """A version is loaded now, beside others."""
        if self.method.kind == "prompt_lookup" and _can_speculate(runtime):
            runtime.speculation = Speculation(LookupGuesser(), Adaptive(self.method.tokens))
        elif runtime.copy is not None:
            copy = runtime.copy
            store = StateStore(copy.states, dtype=copy.dtype, device=copy.device)
            self._pair(runtime, copy, store, None)
        elif self.method.kind == "draft":
            everyone = [runtime, *(each for each in loaded if each is not runtime)]
            draft = next((each for each in everyone if each.ref.digest == self.method.draft), None)
            for target in everyone if draft is runtime else [runtime]:
                if draft and target is not draft and not target.speculation and _can_speculate(target):
                    self._pair_with(target, draft)

    def in_use(self, runtime: Runtime) -> bool:
        """Whether it guesses for a model that requests use now."""
        return any(pair.draft is runtime and target.active for target, pair in self._pairs.items())

    def left(self, runtime: Runtime) -> None:
        """A model goes. Neither it nor those that it guesses for have requests."""
        gone = [target for target, pair in self._pairs.items() if target is runtime or pair.draft is runtime]
        for target in gone:
            pair = self._pairs.pop(target)
            target.speculation = None
            pair.guesser.close()
            if pair.own is not None:
                pair.own.leave()

    def _pair_with(self, target: Runtime, draft: Runtime) -> None:
        try:
            check(target, draft)
        except InvalidArgument as refusal:
            _LOG.warning("draft refused", model=target.ref.name, draft=draft.ref.name, reason=refusal.message)
        else:
            self._pair(target, draft.model, draft.store, draft)

    def _pair(self, target: Runtime, model: LanguageModel, store: StateStore, draft: Runtime | None) -> None:
        lengths = Adaptive(self.method.tokens)
        guesser = DraftGuesser(model, store, self._budget, drafted=lengths.drafted)
        self._pairs[target] = _Pair(guesser, draft, None if draft else store)
        target.speculation = Speculation(guesser, lengths)
        _LOG.info("draft paired", model=target.ref.name, draft=draft.ref.name if draft else FEWEST_BITS)


def _can_speculate(runtime: Runtime) -> bool:
    return suits(runtime.model, runtime.model.decoder())


def check(target: Runtime, draft: Runtime) -> None:
    """Raises ``InvalidArgument`` for a draft that has other tokens, or that cannot be wound back."""
    name = draft.ref.name
    if not _can_speculate(draft):
        raise InvalidArgument(
            f"{name} cannot be a draft: its family does not decode by plain autoregression",
            field="speculation",
        )
    mine, its = target.model.vocab_size, draft.model.vocab_size
    if mine != its:
        raise InvalidArgument(
            f"{name} cannot be the draft of {target.ref.name}: it has {its} tokens, not {mine}; choose a "
            "version of the same tokenizer",
            field="speculation",
        )
    if not target.tokenizer.spells_like(draft.tokenizer):
        raise InvalidArgument(
            f"{name} cannot be the draft of {target.ref.name}: its tokenizer gives other texts to the same "
            "token ids; choose a version of the same tokenizer",
            field="speculation",
        )
