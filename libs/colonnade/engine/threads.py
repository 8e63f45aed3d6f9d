"""How many threads torch gets: chosen once, on purpose."""

import torch

from colonnade.supervise.machine import usable_cpus


def count(threads: int) -> int:
    """``threads``, or one for each core that this process may use where that is 0."""
    return threads or usable_cpus()


def claim(threads: int) -> int:
    """Sets torch's threads for this process, as ``count`` has them. Call once, before any work."""
    chosen = count(threads)
    torch.set_num_threads(chosen)
    torch.set_num_interop_threads(1)
    return chosen
