"""Building blocks that families share: one idea a file, each citing its source.

Shape letters: B batch, T tokens of a padded batch, N tokens of all sequences end to end, X either of the
two (any leading dimensions), D width, F feed-forward width, H query heads, K key-value heads, d head width.
"""
