"""Which model guesses for which, and what is given back when one goes."""

from dataclasses import replace
from typing import cast

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as Definition

from colonnade.engine.cache import CacheBudget
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.speculation.decoder import SpeculativeDecoder
from colonnade.engine.speculation.draft import DraftGuesser
from colonnade.engine.speculation.guessers import LookupGuesser
from colonnade.engine.speculation.method import Method
from colonnade.engine.speculation.pairing import Pairing, check
from colonnade.engine.text import Tokenizer
from colonnade.errors import InvalidArgument
from colonnade.models.protocol import LanguageModel
from tests.unit.engine.speculation.drafts import loaded, twin
from tests.unit.engine.toys import spelling
from tests.unit.engine.toys.loaded import runtime

DIGEST = "sha256:" + "d" * 64


def _named(made: Runtime, name: str, digest: str = "") -> Runtime:
    made.ref = ModelRef(name, 1, digest or f"sha256:{name}")
    return made


def _draft() -> Runtime:
    return _named(loaded(twin()), "little", DIGEST)


def _target() -> Runtime:
    return _named(runtime("autoregressive"), "large")


def _pairing(text: str) -> tuple[Pairing, CacheBudget]:
    budget = CacheBudget(1 << 24)
    return Pairing(Method.parse(text, 4), budget), budget


@pytest.mark.parametrize("text", ["off", "prompt_lookup", "self", f"draft:{DIGEST}"])
def test_methods_are_read(text: str) -> None:
    method = Method.parse(text, 7)
    assert (method.kind, method.tokens) == (text.partition(":")[0], 7)
    assert method.draft == text.partition(":")[2]


@pytest.mark.parametrize("text", ["", "on", "draft", "draft:", "draft:little", "draft:sha256:12", "Self"])
def test_other_methods_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="prompt_lookup"):
        Method.parse(text, 4)


def test_nothing_is_guessed_where_it_is_off() -> None:
    (pairing, _), made = _pairing("off"), _target()
    pairing.joined(made, [made])
    assert made.speculation is None
    assert not pairing.copies(made)
    assert not isinstance(made.decoder(frozenset()), SpeculativeDecoder)


@pytest.mark.parametrize("family", ["autoregressive", "transformer", "recurrent", "block_diffusion"])
def test_prompt_lookup_is_for_every_model_that_can(family: str) -> None:
    (pairing, _), made = _pairing("prompt_lookup"), runtime(family)
    pairing.joined(made, [made])
    able = family in ("autoregressive", "transformer")
    assert isinstance(made.decoder(frozenset()), SpeculativeDecoder) is able
    assert (made.speculation is not None and isinstance(made.speculation.guesser, LookupGuesser)) is able


@pytest.mark.parametrize("draft_first", [True, False])
def test_a_draft_is_paired_with_every_model_it_suits(draft_first: bool) -> None:
    pairing, _ = _pairing(f"draft:{DIGEST}")
    target, other, draft = _target(), _named(runtime("recurrent"), "other"), _draft()
    order = [draft, target, other] if draft_first else [target, other, draft]
    for place, each in enumerate(order):
        pairing.joined(each, order[: place + 1])
    assert target.speculation is not None
    assert isinstance(target.speculation.guesser, DraftGuesser)
    assert other.speculation is None
    assert draft.speculation is None


@pytest.mark.parametrize("first", ["draft", "target"])
def test_whoever_goes_first_everything_is_given_back(first: str) -> None:
    pairing, budget = _pairing(f"draft:{DIGEST}")
    draft, target = _draft(), _target()
    pairing.joined(draft, [draft])
    pairing.joined(target, [draft, target])
    assert not pairing.in_use(draft)
    target.active = 1
    assert pairing.in_use(draft)
    assert not pairing.in_use(target)
    target.active = 0
    pairing.left(draft if first == "draft" else target)
    assert target.speculation is None
    assert not pairing.in_use(draft)
    assert not budget.forgo()
    assert budget.held_bytes == 0
    pairing.left(target)


def test_a_copy_guesses_for_its_model() -> None:
    (pairing, budget), target = _pairing("self"), _target()
    assert pairing.copies(target)
    target.copy = cast("LanguageModel", twin(0.01))
    assert target.memory_bytes == 2 * target.model.memory_bytes
    pairing.joined(target, [target])
    assert target.speculation is not None
    assert len(budget.holders) == 1
    pairing.left(target)
    assert not budget.holders


def test_a_model_of_few_bits_already_is_not_copied() -> None:
    (pairing, _), target = _pairing("self"), _target()
    target.weights = "int4"
    assert not pairing.copies(target)
    assert not pairing.copies(runtime("recurrent"))


def _retokenized() -> Tokenizer:
    """As many tokens, one of them another."""
    definition = Definition.from_str(spelling.definition())
    text = str(definition.to_str()).replace("<|start|>", "<|begin|>")
    assert Definition.from_str(text).add_special_tokens([AddedToken("<|begin|>", special=True)]) == 0
    return Tokenizer(text)


def test_a_draft_of_other_tokens_is_refused() -> None:
    target = _target()
    check(target, _draft())
    with pytest.raises(InvalidArgument, match="other texts"):
        check(target, replace(_draft(), tokenizer=_retokenized()))
    small = _draft()
    small.model.vocab_size = 17  # type: ignore[misc]
    with pytest.raises(InvalidArgument, match="17 tokens, not 260"):
        check(target, small)
    with pytest.raises(InvalidArgument, match="plain autoregression"):
        check(target, runtime("early_exit"))
    pairing, _ = _pairing(f"draft:{DIGEST}")
    pairing.joined(small, [small])
    pairing.joined(target, [small, target])
    assert target.speculation is None, "and the model is served without"
