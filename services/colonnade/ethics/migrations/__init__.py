"""The ethics service's schema, one revision after the other."""
