"""Training: from raw text to a model folder that the registry takes. A run is a recipe; see ADR 26."""
