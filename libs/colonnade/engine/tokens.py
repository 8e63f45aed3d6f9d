"""What a text or a conversation is in a model's tokens, and back. Nothing of it goes through the model."""

from collections.abc import Sequence as Row
from dataclasses import dataclass

from colonnade.engine.requests import Generation, check_length, encode
from colonnade.engine.runtime import Runtime
from colonnade.engine.text import Detokenizer, Tokenizer
from colonnade.errors import InvalidArgument, TooLarge

MAX_IDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tokenizing:
    asked: Generation
    """Only its prompt, or its conversation, counts."""
    begin: bool = True
    """Whether a prompt gets what the tokenizer puts around a text."""
    with_texts: bool = False


@dataclass(frozen=True, slots=True)
class Tokenized:
    ids: Row[int]
    texts: Row[str]
    """Of each token, if asked for."""


def tokenized(asked: Tokenizing, runtime: Runtime) -> Tokenized:
    """Takes a while on long texts. Raises ``InvalidArgument``, ``TooLarge`` or ``Unsupported``."""
    prompt = asked.asked.prompt
    if prompt is None:
        ids = encode(asked.asked, runtime)
    else:
        check_length("prompt", prompt)
        ids = runtime.tokenizer.encode(prompt, begin=asked.begin)
    return Tokenized(ids, _texts(runtime.tokenizer, ids) if asked.with_texts else ())


def detokenized(ids: Row[int], runtime: Runtime) -> str:
    """The text of tokens, the names of control tokens in it."""
    if len(ids) > MAX_IDS:
        raise TooLarge(f"tokens may hold at most {MAX_IDS} ids", field="tokens", limit=MAX_IDS)
    size = runtime.model.vocab_size
    for index, token in enumerate(ids):
        if not 0 <= token < size:
            raise InvalidArgument(
                f"tokens[{index}] is not a token of this model; its ids are 0 to {size - 1}",
                field=f"tokens[{index}]",
                limit=size - 1,
            )
    return runtime.tokenizer.spell(ids)


def _texts(tokenizer: Tokenizer, ids: Row[int]) -> list[str]:
    """The text that each token adds; a character of several tokens is the last one's. Together they are the
    whole text, with control tokens by their names."""
    running, texts = Detokenizer(tokenizer), list[str]()
    for token in ids:
        text = running.push(token)
        texts.append(text + tokenizer.spell([token]) if tokenizer.is_silent(token) else text)
    if texts:
        texts[-1] += running.finish()
    return texts
