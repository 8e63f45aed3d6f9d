"""Files as they are uploaded."""

import hashlib
import json
from collections.abc import AsyncIterator

from colonnade.registry.drafts.draft import DraftFile


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def announced(path: str, content: bytes) -> DraftFile:
    return DraftFile(path, len(content), digest(content))


def safetensors(data: bytes = b"\0" * 64) -> bytes:
    """One tensor of bytes."""
    entry = {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": entry}).encode()
    return len(header).to_bytes(8, "little") + header + data


async def pieces(*parts: bytes, fault: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if fault:
        raise fault
