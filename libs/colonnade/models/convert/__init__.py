"""Foreign formats to an artefact folder: ``python -m colonnade.models.convert SOURCE --out DIR``.

A ``Source`` (a GGUF file, a Hugging Face folder) describes its tensors without reading them; ``write``
streams them one at a time. All input is untrusted: every size is bounded before memory is taken, every
name and shape is checked against the configuration, nothing is unpickled, and all faults are refusals.
"""
