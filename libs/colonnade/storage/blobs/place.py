"""From what the settings say to a store."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.storage.blobs.cache import BlobCache
from colonnade.storage.blobs.local import LocalBlobStore
from colonnade.storage.blobs.port import MAX_BLOB_BYTES, BlobStore

CACHE_BYTES = 100 * 1024**3


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """``url`` is ``s3://bucket/prefix``, or empty for ``folder``; ``cache`` has copies of what is there."""

    url: str
    folder: Path
    cache: Path
    cache_bytes: int = CACHE_BYTES

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if self.url and (parts.scheme != "s3" or not parts.netloc or parts.query or "@" in parts.netloc):
            raise InvalidArgument(
                "COLONNADE_BLOBS_URL must be s3://bucket or s3://bucket/prefix; credentials and the endpoint "
                "are told by AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL",
                field="COLONNADE_BLOBS_URL",
            )


def open_blobs(place: BlobPlace, *, max_blob_bytes: int = MAX_BLOB_BYTES) -> BlobStore:
    if not place.url:
        return LocalBlobStore(place.folder, max_blob_bytes=max_blob_bytes)
    try:
        from colonnade.storage.blobs.s3 import S3BlobStore  # a library that only clusters need
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"blobs in S3 need a package that is not installed; `pip install {error.name}`",
            field="COLONNADE_BLOBS_URL",
        ) from error
    parts = urlsplit(place.url)
    cache = BlobCache(place.cache, place.cache_bytes)
    return S3BlobStore(parts.netloc, parts.path.strip("/"), cache, max_blob_bytes=max_blob_bytes)
