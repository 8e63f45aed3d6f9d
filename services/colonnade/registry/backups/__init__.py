"""Backups of the registry: its records and its blobs, so that they can be had again elsewhere."""
