"""Files and batches: many requests in one file, worked off in the background."""

from colonnade.gateway.service.batches.asking import Asking
from colonnade.gateway.service.batches.batches import Batches
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.gateway.service.batches.files import Files
from colonnade.gateway.service.batches.results import Results
from colonnade.gateway.service.batches.run import Workplace
from colonnade.gateway.service.batches.runner import Runner

__all__ = ["Asking", "Batches", "Bounds", "Files", "Results", "Runner", "Workplace"]
