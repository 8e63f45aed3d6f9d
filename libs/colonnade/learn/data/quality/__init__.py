"""Which documents are worth learning from: published heuristics, one rule a threshold."""

from colonnade.learn.data.quality.rules import RULES, first_broken

__all__ = ["RULES", "first_broken"]
