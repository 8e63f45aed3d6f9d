"""Weights in fewer bits: the grids that they are rounded to, and how they lie in memory. The engine serves on
them, and adapters are trained beside them."""
