"""LoRA adapters of the loaded models: read from verified files, kept under the engine's memory budget.

How a forward applies them is ``colonnade.models.adapters``.
"""

from colonnade.engine.adapters.host import AdapterHost

__all__ = ["AdapterHost"]
