"""How well the bundled language model judges for the scorers ``judge-...``."""
