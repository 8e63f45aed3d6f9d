"""How much a registry takes at once: the gateway's reference says so, and the registry checks it."""

MAX_PAGE_SIZE = 200
MAX_ALIAS_TARGETS = 10
MAX_VERSION = 2**31 - 1
"""A column of every database holds it."""
MAX_SOURCE_BYTES = 4096
MAX_DESCRIPTION_BYTES = 2000
MAX_LINEAGE_EDGES = 200
"""That one request records."""
MAX_LINEAGE_DEPTH = 100
MAX_TAGS = 200
MAX_TAG_BYTES = 5000
MAX_CARD_BYTES = 256 * 1024
MAX_SIGNATURE_BYTES = 64 * 1024
MAX_METRICS = 10_000
"""Of one version."""
MAX_METRICS_ADDED = 1000
"""By one request."""
MAX_WHY_BYTES = 1000
MAX_FILTER_BYTES = 6000
MAX_COMPARISONS = 50
MAX_ORDER_BYTES = 400
