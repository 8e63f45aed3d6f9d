"""Speculative decoding: cheap guesses of the next tokens, verified by the model in one forward.

A guess is accepted only where the request's own sampler draws the same token from the model's own logits, so
an answer is token for token the one without speculation. Guessers differ in what guessing costs and in how
often they are right, never in what comes out.
"""
