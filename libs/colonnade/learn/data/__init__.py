"""From documents to batches, with a token set on the disk between.

``card.py``, ``shards.py`` and ``token_set.py`` are the token set's form, its writer and its reader; what
makes one stands before them, and ``loader.py`` with what it needs behind: a batch is a function of the step.
"""
