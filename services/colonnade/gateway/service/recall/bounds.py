"""How much of memory a prompt may get, and how long that may take."""

from dataclasses import dataclass

_CHARACTERS = 3
"""Of a token. English has four; what is not English has fewer."""


@dataclass(frozen=True, slots=True)
class RecallBounds:
    seconds: float = 2.0
    """For the memory service to answer: a prompt does not wait longer."""
    characters: int = 4000
    """Of quotations, with all that stands around them."""
    turn_characters: int = 4000
    """Of a session's turns."""

    def within(self, context: int, taken: int, answer: int) -> tuple[int, int]:
        """Characters for quotations and for both together, where a version's context (0: not known) holds the
        request's own ``taken`` characters and ``answer`` tokens as well; half of the context is for those
        and for what is recalled at least."""
        both = self.characters + self.turn_characters
        if context:
            both = min(both, max(0, (context - min(answer, context // 2)) * _CHARACTERS - taken))
        return min(self.characters, both), both
