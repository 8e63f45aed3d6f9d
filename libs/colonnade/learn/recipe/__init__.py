"""A run as a document: everything that decides the weights, in one YAML file that anyone can run again."""

from colonnade.learn.recipe.reading import read_recipe
from colonnade.learn.recipe.schema import Recipe

__all__ = ["Recipe", "read_recipe"]
