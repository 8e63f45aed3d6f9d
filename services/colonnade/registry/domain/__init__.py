"""What a registry holds, and what is always true of it.

A model has immutable versions, numbered from 1. A version's identity is the digest of its content. An alias
points at versions of one model with weights that add up to 100; each move gives it the next revision, also
across its deletion, so that a revision never means two things.
"""

from colonnade.registry.domain.aliases import (
    DEFAULT_ALIAS,
    Alias,
    Target,
    alias_for_import,
    check_targets,
    guarded_alias,
    moved,
)
from colonnade.registry.domain.content import (
    ADAPTER_FAMILY,
    ENCODERS,
    MAX_ARTEFACTS,
    Artefact,
    Content,
    Draft,
    Manifest,
    Version,
    source_name,
)
from colonnade.registry.domain.models import (
    Model,
    Reference,
    Resolution,
    base_of,
    check_kind,
    check_owner,
    unknown_model,
)

__all__ = [
    "ADAPTER_FAMILY",
    "DEFAULT_ALIAS",
    "ENCODERS",
    "MAX_ARTEFACTS",
    "Alias",
    "Artefact",
    "Content",
    "Draft",
    "Manifest",
    "Model",
    "Reference",
    "Resolution",
    "Target",
    "Version",
    "alias_for_import",
    "base_of",
    "check_kind",
    "check_owner",
    "check_targets",
    "guarded_alias",
    "moved",
    "source_name",
    "unknown_model",
]
