"""What reward models of the feedback path learn from published pairs of answers."""
