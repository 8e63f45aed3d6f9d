"""Policies that are kept for good, version by version, and which of them judges what."""
