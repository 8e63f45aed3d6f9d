"""What sequences keep between forwards: pages of keys and values, and state of fixed size.

``CacheBudget`` counts bytes over all loaded models. ``StateStore`` holds one model's state: tables of pages,
which ``PagePool`` hands out and ``PrefixIndex`` finds again for another sequence that begins alike.
``BatchState`` is what a model sees of all this during one forward.
"""

from colonnade.engine.cache.batch import BatchState
from colonnade.engine.cache.budget import CacheBudget
from colonnade.engine.cache.pages import PagePool
from colonnade.engine.cache.prefixes import Chain, PrefixIndex
from colonnade.engine.cache.sequences import SequenceState
from colonnade.engine.cache.store import StateStore

__all__ = ["BatchState", "CacheBudget", "Chain", "PagePool", "PrefixIndex", "SequenceState", "StateStore"]
