"""Files by the SHA-256 of their content: written once, never changed, the same bytes kept once."""

from colonnade.storage.blobs.local import LocalBlobStore
from colonnade.storage.blobs.place import BlobPlace, open_blobs
from colonnade.storage.blobs.port import (
    MAX_BLOB_BYTES,
    Blob,
    BlobStore,
    digest_of,
    digest_of_file,
    hexadecimal_of,
)

__all__ = [
    "MAX_BLOB_BYTES",
    "Blob",
    "BlobPlace",
    "BlobStore",
    "LocalBlobStore",
    "digest_of",
    "digest_of_file",
    "hexadecimal_of",
    "open_blobs",
]
