"""Seals: that a version is what it was when it was registered, under its name, for its owner."""
