"""One process an engine, each in its own interpreter, all asked the same questions over JSON lines."""
