"""Model families, one folder each; ``catalog`` loads any of them from an artefact folder's files."""
