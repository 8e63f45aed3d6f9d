"""How much likelier people prefer an answer: Bradley-Terry on pairs, over the engine's embeddings."""
