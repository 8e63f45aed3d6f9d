"""Going on from a model that is there: which of its weights learn, and what becomes of them."""
