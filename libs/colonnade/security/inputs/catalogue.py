"""How much a registry takes at once: the gateway's reference says so, and the registry checks it."""

MAX_PAGE_SIZE = 200
MAX_ALIAS_TARGETS = 10
MAX_VERSION = 2**53
"""Every JSON reader holds it exactly."""
MAX_SOURCE_BYTES = 4096
MAX_DESCRIPTION_BYTES = 2000
MAX_LINEAGE_EDGES = 200
"""That one request records."""
MAX_LINEAGE_DEPTH = 100
