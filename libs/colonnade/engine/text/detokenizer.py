"""Text out of tokens as they come, such that the parts add up to the text of the whole.

Bytes of a character may be spread over tokens, and some decoders look at neighbours (a leading space is
stripped at the start only), so each step decodes a small window twice: with and without the new tokens.
The difference is released once its end can no longer change.
"""

from collections.abc import Sequence

from colonnade.models.text import Tokenizer

_REPLACEMENT = "\ufffd"
_CONTEXT = 8
"""Tokens of the prompt that are decoded along, for decoders that treat the first token differently."""
_LONGEST = 64
"""Tokens after which a window that has no clean end is cut."""


class Detokenizer:
    """The running text of one sequence: ``decode(prompt + all)`` less ``decode(prompt)``, in parts."""

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._window = list(prompt[-_CONTEXT:])
        self._anchor = len(self._window)
        """Tokens of the window whose text is out already."""
        self._shown = tokenizer.decode(self._window)
        """The text of the window that is out, or was the prompt's."""
        self._in_bytes = False
        """Whether the text ends in bytes, which only count together with those that follow."""
        self.unfinished = False
        """Whether a character has begun whose text is not certain yet."""

    def push(self, token: int) -> str:
        """The text that became certain with ``token``; often a word, sometimes nothing."""
        self._window.append(token)
        self.unfinished = True
        if not self._tokenizer.is_silent(token):
            self._in_bytes = self._tokenizer.is_byte(token)
        if self._in_bytes:
            return ""
        text = self._tokenizer.decode(self._window)
        if text.endswith(_REPLACEMENT):  # at most one character is unfinished
            fresh = self._grow(text[: -len(_REPLACEMENT)])
            self._shrink(text)
            return fresh
        self.unfinished = False
        fresh = self._grow(text)
        if fresh:
            self._window = self._window[self._anchor :]
            self._anchor = len(self._window)
            self._shown = self._tokenizer.decode(self._window)
        return fresh

    def finish(self) -> str:
        """What is left when no token follows; an unfinished character becomes U+FFFD."""
        return self._grow(self._tokenizer.decode(self._window))

    def _shrink(self, text: str) -> None:
        """Keeps the window short where no token ever ends a character (bytes that are not UTF-8).

        If the parts decode to the same as the whole, no character spans the cut, now or later."""
        if len(self._window) <= _LONGEST:
            return
        cut = len(self._window) - _CONTEXT
        left, right = self._tokenizer.decode(self._window[:cut]), self._tokenizer.decode(self._window[cut:])
        if left + right == text and len(left) <= len(self._shown):
            self._window, self._anchor = self._window[cut:], 0
            self._shown = self._shown[len(left) :]

    def _grow(self, text: str) -> str:
        if len(text) <= len(self._shown) or not text.startswith(self._shown):
            return ""
        fresh = text[len(self._shown) :]
        self._shown = text
        return fresh
