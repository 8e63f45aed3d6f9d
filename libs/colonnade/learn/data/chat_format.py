"""Conversations as tokens, with the answers marked as what is to be learnt.

What stands before an answer is encoded exactly as the engine encodes it when it asks for that answer, so the
model is trained on the very tokens that it will see. Of an answer, everything is learnt up to its end token.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.data.batches import Sample
from colonnade.models.convert.huggingface_tokenizer import read_tokenizer_files
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.text import SpeltOut, Template, Tokenizer

ASSISTANT = "assistant"
_NAMED = ("bos_token", "eos_token", "pad_token")


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    content: str
    learnt: bool = True
    """Of an answer: whether it is to be learnt, or only stands before others."""


class ChatFormat:
    """How one model writes conversations. Safe to share between threads."""

    def __init__(
        self, tokenizer: Tokenizer, template: Template | None, *, end: int, ends: frozenset[int] = frozenset()
    ) -> None:
        """``end`` ends an answer where there is no template; ``ends`` are all tokens that end one."""
        self._tokenizer, self._template = tokenizer, template
        self._end, self._ends = end, ends | {end}

    @classmethod
    def of(cls, folder: Path, vocabulary: int) -> "ChatFormat":
        """That of a model's folder."""
        files = read_tokenizer_files(ModelFolder(folder), {}, vocabulary)
        tokenizer = Tokenizer(files.tokenizer)
        named = {name: str(files.config[name]) for name in _NAMED if files.config.get(name)}
        end = tokenizer.id_of(named.get("eos_token", ""))
        if end is None:
            raise InvalidArgument(
                "tokenizer_config.json names no eos_token that the tokenizer knows; add it", field="eos_token"
            )
        source = files.config.get("chat_template")
        template = Template(str(source), named) if source else None
        return cls(tokenizer, template, end=end, ends=frozenset(files.generation.get("eos_token_id", ())))

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return self._end

    def asked(self, prompt: str) -> list[int]:
        """A question as it stands before its answer."""
        if self._template is None:
            return self._tokenizer.encode(prompt)
        written = SpeltOut(self._tokenizer)
        said = [{"role": "user", "content": written.hidden(prompt)}]
        return written.encode(self._template.render({"messages": said}))

    def conversation(self, turns: Sequence[Turn]) -> Sample:
        """Up to the last answer. Raises ``InvalidArgument`` where there is none that follows anything, or
        the template refuses it, ``Unsupported`` where there is no template that can be used."""
        last = max((at for at, turn in enumerate(turns) if turn.role == ASSISTANT), default=0)
        if not last:
            raise InvalidArgument(f"no message of the {ASSISTANT} follows another message", field="messages")
        if self._template is None:
            raise Unsupported(
                "the model has no chat template; give it one, or write lines of prompt and answer",
                field="chat_template",
            )
        written = SpeltOut(self._tokenizer)
        said: list[dict[str, Any]] = [
            {"role": turn.role, "content": written.hidden(turn.content)} for turn in turns[: last + 1]
        ]
        parts = _parts(self._template, said, [turn.learnt for turn in turns])
        return self._joined((written.encode(text), learnt) for text, learnt in parts)

    def answered(self, prompt: str, answer: str) -> Sample:
        """A question and its answer: as a conversation, or end to end where there is no template."""
        if self._template is not None:
            return self.conversation([Turn("user", prompt), Turn(ASSISTANT, answer)])
        said = [*self._tokenizer.encode_plain(answer), self._end]
        return self._joined([(self._tokenizer.encode(prompt), False), (said, True)])

    def _joined(self, parts: "Iterator[tuple[list[int], bool]] | list[tuple[list[int], bool]]") -> Sample:
        tokens: list[int] = []
        marks: list[bool] = []
        for ids, learnt in parts:
            ending = max((at for at, token in enumerate(ids) if token in self._ends), default=len(ids) - 1)
            tokens += ids
            marks += [learnt and at <= ending for at in range(len(ids))]
        return Sample(np.array(tokens, np.int64), np.array(marks, np.bool_))


def _parts(
    template: Template, said: Sequence[dict[str, Any]], learnt: Sequence[bool]
) -> Iterator[tuple[str, bool]]:
    """What is asked and what is answered, in turns; whether it is to be learnt. The last is an answer."""
    whole, done = template.render({"messages": list(said)}, prompt=False), 0
    for number, message in enumerate(said):
        if message["role"] != ASSISTANT or not number:
            continue
        asked = template.render({"messages": list(said[:number])})
        answered = template.render({"messages": list(said[: number + 1])}, prompt=False)
        if not (answered.startswith(asked) and whole.startswith(answered)):
            raise Unsupported(
                "the model's chat template writes an answer otherwise than where it asks for it, or writes"
                " earlier messages anew; train with a template that only adds to what it has written",
                field="chat_template",
            )
        yield whole[done : len(asked)], False
        yield whole[len(asked) : len(answered)], learnt[number]
        done = len(answered)
