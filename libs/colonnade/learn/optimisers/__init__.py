"""Optimisers by name, and their state as flat tensors and JSON.

Adding one: its options in ``settings.OPTIONS``, a function in ``make``, its equations in the parity test.
"""

from colonnade.learn.optimisers.make import make_optimiser, set_learning_rate
from colonnade.learn.optimisers.settings import OptimiserSettings
from colonnade.learn.optimisers.state import flatten, restore

__all__ = ["OptimiserSettings", "flatten", "make_optimiser", "restore", "set_learning_rate"]
