"""Caches of answers: the very same request, the same question in other words, and one that is under way."""
