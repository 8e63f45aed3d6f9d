"""What was said before: signatures of texts, and an index of those that were kept."""

from colonnade.learn.data.duplicates.index import Index
from colonnade.learn.data.duplicates.signatures import Signer

__all__ = ["Index", "Signer"]
