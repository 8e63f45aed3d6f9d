"""The bounds of the HTTP server."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpOptions:
    max_body_bytes: int = 1024 * 1024
    body_seconds: float = 30.0
    """For the whole body to arrive."""
    max_file_bytes: int = 100 * 1024 * 1024
    """Of an upload."""
    max_document_bytes: int = 20 * 1024 * 1024
    """Of a document that is to be remembered."""
    max_piece_bytes: int = 1024 * 1024 * 1024
    """Of one piece of a model's file."""
    upload_seconds: float = 600.0
    """For a whole upload to arrive."""
    head_seconds: float = 10.0
    """For the request line and all headers to arrive."""
    untaken_seconds: float = 120.0
    """For a client to take something of what is sent to it; then its connection ends."""
    max_head_bytes: int = 32 * 1024
    max_headers: int = 100
    max_requests: int = 256
    """In progress at once; more get a 429."""
    max_connections: int = 1024
    request_seconds: float = 300.0
    import_seconds: float = 14400.0
    allowed_hosts: tuple[str, ...] = ()
    """Names that may stand in ``Host``; empty means any. An open gateway takes loopback names only."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may call."""
    loopback: bool = True
    """Bound to a loopback address, so that only loopback names are right in ``Host``."""
