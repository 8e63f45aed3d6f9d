"""One backend a file, implementing a port."""
