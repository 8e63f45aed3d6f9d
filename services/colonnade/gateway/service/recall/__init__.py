"""What is recalled from memory, on its way into a prompt."""

from colonnade.gateway.service.recall.asked import asked_of, check_memory
from colonnade.gateway.service.recall.bounds import RecallBounds
from colonnade.gateway.service.recall.shaping import shaped

__all__ = ["RecallBounds", "asked_of", "check_memory", "shaped"]
