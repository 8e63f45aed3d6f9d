"""A run as a document: all that decides what comes of it, in one YAML file that anyone can run again."""

from colonnade.learn.recipe.convert import ConvertRecipe
from colonnade.learn.recipe.evaluate import EvaluateRecipe
from colonnade.learn.recipe.reading import AnyRecipe, read_any, read_recipe
from colonnade.learn.recipe.schema import Recipe

__all__ = ["AnyRecipe", "ConvertRecipe", "EvaluateRecipe", "Recipe", "read_any", "read_recipe"]
