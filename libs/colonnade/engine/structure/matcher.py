"""How far one answer has come in its grammar, and what may follow."""

import time
from collections.abc import Sequence

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from colonnade.errors import Internal, InvalidArgument

MAX_SECONDS = 1.0
"""Of processor time for one mask: all other requests wait for it."""
_WORD = 32
_UNLIKE = "satisfy the grammar"
"""In the library's words about a token that may not follow; its other errors are limits that were reached."""
_DEAD_ENDS = ("NoExtension", "NoExtensionBias")


class Matcher:
    """One request's ``colonnade.engine.sampling.Constraint``. Used by one thread at a time."""

    def __init__(self, state: LLMatcher, vocabulary: int, ends: Sequence[int], field: str) -> None:
        """``ends``: the tokens that end an answer; ``field``: whom an error names."""
        self._state, self._ends, self._field = state, list(ends), field
        self._words = np.zeros(-(-vocabulary // _WORD), dtype=np.int32)

    def follow(self, tokens: Sequence[int]) -> None:
        """The answer has grown by these: they were all allowed."""
        if tokens and not self._state.consume_tokens(list(tokens)):
            if _UNLIKE in self._state.get_error():
                raise Internal("the answer has left its grammar")
            raise self._too_complex(reason_of(self._state))

    def allowed(self, after: Sequence[int]) -> NDArray[np.bool_]:
        """Of each token, whether it may come after the answer and ``after``.

        After what is not allowed itself, as after an end, only an end may follow."""
        if not after:
            return self._mask()
        if self._state.validate_tokens(list(after)) < len(after):
            return self._only_ends()
        self.follow(after)
        try:
            return self._mask()
        finally:
            self._state.rollback(len(after))

    def _mask(self) -> NDArray[np.bool_]:
        began = time.thread_time()
        self._state.unsafe_compute_mask_ptr(self._words.ctypes.data, self._words.nbytes)
        if self._state.is_error():
            if self._state.stop_reason() in _DEAD_ENDS:
                raise InvalidArgument(f"{self._field} leads to where no text goes on", field=self._field)
            raise self._too_complex(reason_of(self._state))
        if time.thread_time() - began > MAX_SECONDS:
            raise self._too_complex(f"one token took more than {MAX_SECONDS:g} s")
        return np.unpackbits(self._words.view(np.uint8), bitorder="little").view(np.bool_)

    def _only_ends(self) -> NDArray[np.bool_]:
        allowed = np.zeros(len(self._words) * _WORD, dtype=np.bool_)
        allowed[self._ends] = True
        return allowed

    def _too_complex(self, reason: str) -> InvalidArgument:
        return InvalidArgument(f"{self._field} is too complex to be followed: {reason}", field=self._field)


def reason_of(state: LLMatcher) -> str:
    """The library's words, in one line."""
    told = state.get_error().replace("<non-verbose/>", "")
    return " ".join(told.split())[:300]
