"""Bias: what a model makes of people of different groups."""
