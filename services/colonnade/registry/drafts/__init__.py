"""Versions in the making: reserved numbers, files that arrive in pieces, imports that go on alone."""
