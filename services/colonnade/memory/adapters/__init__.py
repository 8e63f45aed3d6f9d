"""One backend a file."""
