"""The registry: models, their immutable versions, aliases with weights, and artefacts by digest."""
