"""A Hugging Face model folder as a ``Source``: config.json, safetensors and tokenizer files."""

from pathlib import Path

from colonnade.models.artefact import CONFIG
from colonnade.models.convert.encoder_source import open_encoder
from colonnade.models.convert.huggingface_tokenizer import read_tokenizer_files
from colonnade.models.convert.huggingface_weights import dtype_of, stored_tensors, tensors_of
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.source import Source
from colonnade.models.families.encoder.hugging_face import is_encoder
from colonnade.models.families.transformer.checkpoint import expected_shapes
from colonnade.models.families.transformer.hugging_face import from_hugging_face

_EMBEDDING = "model.embed_tokens.weight"


def open_folder(path: Path) -> Source:
    folder = ModelFolder(path)
    raw = folder.config(CONFIG)
    if is_encoder(raw):
        return open_encoder(folder, raw)
    config = from_hugging_face(raw)
    places = {name: place for name, place in tensors_of(folder).items() if not _surplus(name, config.tied)}
    tensors = stored_tensors(places, expected_shapes(config))
    return Source(
        format="huggingface",
        config=config,
        dtype=dtype_of(places[_EMBEDDING]),
        tensors=tensors,
        tokenizer=read_tokenizer_files(folder, raw, config.vocab_size),
        files=folder.read,
    )


def _surplus(name: str, tied: bool) -> bool:
    """Stored by old versions though derived from others."""
    return name.endswith(".rotary_emb.inv_freq") or (tied and name == "lm_head.weight")
