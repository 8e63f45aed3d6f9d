"""LoRA adapters on models of any family: which are in memory, which rows of a forward each acts on, and
how they are read from files in PEFT's format.
"""

from colonnade.models.adapters.bank import AdapterBank, Site, bank_of

__all__ = ["AdapterBank", "Site", "bank_of"]
