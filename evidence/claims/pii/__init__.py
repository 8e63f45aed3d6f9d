"""How much of personal data the patterns find, and what they take for it that is not."""
