"""A folder of a BERT encoder as a ``Source``: as transformers saves it, or as sentence-transformers does.

What sentence-transformers writes beside the model (how to pool, how long a text may be) becomes part of the
version's ``config.json``. A folder without it is pooled by the mean and takes all its positions.
"""

from collections.abc import Mapping
from typing import Any

from colonnade.models.artefact import TOKENIZER
from colonnade.models.convert.huggingface_tokenizer import read_tokenizer_files
from colonnade.models.convert.huggingface_weights import Place, dtype_of, stored_tensors, tensors_of
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.models.convert.sentence_settings import read_settings
from colonnade.models.convert.source import Source
from colonnade.models.convert.word_piece import VOCABULARY, word_piece
from colonnade.models.families.encoder.checkpoint import expected_shapes
from colonnade.models.families.encoder.hugging_face import SENTENCE, from_hugging_face

_EMBEDDING = "embeddings.word_embeddings.weight"
_BODY = "bert."
"""Where a model with a head keeps the encoder."""
_SURPLUS = ("pooler.", "cls.", "embeddings.position_ids")
"""Heads, which have no part in a sentence's vector, and what old versions stored though it is derived."""


def open_encoder(folder: ModelFolder, raw: Mapping[str, Any]) -> Source:
    settings = read_settings(folder)
    config = from_hugging_face({**raw, SENTENCE: settings} if settings else raw)
    places = _without_heads(tensors_of(folder))
    tensors = stored_tensors(places, expected_shapes(config))
    built = word_piece(folder) if folder.has(VOCABULARY) and not folder.has(TOKENIZER) else None
    return Source(
        format="sentence_transformers" if settings else "huggingface",
        config=config,
        dtype=dtype_of(places[_EMBEDDING]),
        tensors=tensors,
        tokenizer=read_tokenizer_files(folder, raw, config.vocab_size, built),
        files=folder.read,
    )


def _without_heads(places: Mapping[str, Place]) -> dict[str, Place]:
    """The encoder's own tensors, under the names they are stored by in the file, and without ``bert.``."""
    bare = {name.removeprefix(_BODY): place for name, place in places.items()}
    return {name: place for name, place in bare.items() if not name.startswith(_SURPLUS)}
