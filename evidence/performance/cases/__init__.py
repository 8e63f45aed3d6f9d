"""One file a question: what is measured, against whom, and which lines it has to hold."""

CASES = (
    "decode_one_stream",
    "batch_8",
    "batch_32",
    "prefill",
    "prefix_cache",
    "speculation",
    "mixed_load",
    "cache_memory",
    "adapters",
    "ray_replica",
    "semantic_cache",
    "door",
    "gateway",
    "gateway_engine",
    "leavers",
    "overload",
    "catalogue",
    "memory_answers",
    "memory_scale",
    "pipeline",
    "learning",
    "accelerations",
    "compression",
)
"""In the order in which the page shows them."""

ON_A_GPU = ("gpu",)
"""What is measured with ``--device cuda``."""
