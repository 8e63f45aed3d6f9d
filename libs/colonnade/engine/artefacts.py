"""A model version's files: verified against the manifest, then read.

What weights mean is the family's business (``colonnade.models.families``); here are the parts every version
has: tokenizer, chat template, the tokens that begin and end a text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from colonnade.engine.integrity import distrusted
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.text import ChatTemplate, Tokenizer
from colonnade.errors import InvalidArgument
from colonnade.models.artefact import (
    GENERATION_CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    read_config,
    required,
)
from colonnade.models.protocol import Capability, LanguageModel
from colonnade.security.inputs import TOKENIZER as TOKENIZER_LIMITS
from colonnade.security.inputs import guard_json, read_bounded
from colonnade.storage.blobs import BlobStore
from colonnade.storage.versions import version_digest

CHAT_TEMPLATE = "chat_template.jinja"
MAX_TEMPLATE_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class Artefact:
    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    ref: ModelRef
    family: str
    parameters: int
    artefacts: Sequence[Artefact]
    tenant: str = ""
    """Whose it is. With the rest, only what the seal is over."""
    size_label: str = ""
    context_length: int = 0
    base: str = ""
    seal: str = field(default="", repr=False)

    @property
    def computed_digest(self) -> str:
        """The digest that a version of this family with these files has."""
        return version_digest(self.family, self.artefacts)

    @property
    def weight_bytes(self) -> int:
        return sum(each.size_bytes for each in self.artefacts if each.path.endswith(".safetensors"))


async def verified(
    blobs: BlobStore, manifest: Manifest, progress: Callable[[float], None]
) -> Mapping[str, Path]:
    """Local paths of all files by their artefact path, after each was hashed and found to be the one named.

    Raises ``Conflict`` for a file, or a manifest, that is not what its digest says."""
    if manifest.computed_digest != manifest.ref.digest:
        raise distrusted(
            "manifest", "the manifest does not have the digest it is named by", field="manifest.digest"
        )
    total = sum(each.size_bytes for each in manifest.artefacts) or 1
    done, files = 0, {}
    for each in manifest.artefacts:
        if not await blobs.verify(each.digest):
            raise distrusted(
                "file",
                f"the file {each.path} was changed: it does not have the digest of the manifest; import the "
                "model again",
                field=each.path, digest=each.digest,
            )  # fmt: skip
        files[each.path] = await blobs.open_path(each.digest)
        done += each.size_bytes
        progress(done / total)
    return files


def runtime_of(
    ref: ModelRef,
    family: str,
    model: LanguageModel,
    files: Mapping[str, Path],
    page_dtype: torch.dtype | None = None,
) -> Runtime:
    """The model with its tokenizer, chat template and end tokens."""
    definition = read_bounded(required(files, TOKENIZER), TOKENIZER_LIMITS.max_bytes, TOKENIZER)
    tokenizer = Tokenizer(guard_json(definition, TOKENIZER_LIMITS, TOKENIZER).decode())
    config = _optional(files, TOKENIZER_CONFIG)
    named = {
        name: _text(config[name]) for name in ("bos_token", "eos_token", "pad_token") if config.get(name)
    }
    source = _template_source(files, config)
    begin = named.get("bos_token") or named.get("eos_token")
    runtime = Runtime(
        ref=ref,
        family=family,
        model=model,
        tokenizer=tokenizer,
        template=ChatTemplate(source, named) if source else None,
        stop_ids=_stop_ids(_optional(files, GENERATION_CONFIG), tokenizer, named.get("eos_token")),
        page_dtype=page_dtype,
        begin_id=tokenizer.id_of(begin) if begin else None,
    )
    if Capability.STRUCTURE in model.capabilities:
        runtime.grammars.prepare()
    return runtime


def _stop_ids(generation: Mapping[str, Any], tokenizer: Tokenizer, end: str | None) -> frozenset[int]:
    listed = generation.get("eos_token_id", [])
    ids = {listed} if isinstance(listed, int) else set(listed or [])
    named = tokenizer.id_of(end) if end else None
    if named is not None:
        ids.add(named)
    if not all(isinstance(each, int) for each in ids):
        raise InvalidArgument(
            f"{GENERATION_CONFIG}: eos_token_id must be a number or a list", field="eos_token_id"
        )
    return frozenset(ids)


def _template_source(files: Mapping[str, Path], config: Mapping[str, Any]) -> str:
    if CHAT_TEMPLATE in files:
        return read_bounded(files[CHAT_TEMPLATE], MAX_TEMPLATE_BYTES, CHAT_TEMPLATE).decode()
    held = config.get("chat_template") or ""
    if isinstance(held, list):  # several, by name
        held = next((each["template"] for each in held if each.get("name") == "default"), "")
    return str(held)


def _optional(files: Mapping[str, Path], name: str) -> dict[str, Any]:
    return read_config(files[name], name) if name in files else {}


def _text(token: Any) -> str:
    """A token as tokenizer_config.json holds it: plain, or with its options."""
    return str(token["content"] if isinstance(token, dict) else token)
