"""The registry that drafts are tested in."""

from tests.unit.registry.drafts.house import house, template

__all__ = ["house", "template"]
