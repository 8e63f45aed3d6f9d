"""Torch model families, their layers, and conversion between formats; knows nothing of the platform."""
