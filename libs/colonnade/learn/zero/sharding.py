"""ZeRO's stages as what FSDP2 is told.

    stage 0     every process has all of it: no sharding, replicas
    stage 1, 2  optimiser state and gradients are sharded, weights are gathered once a step
    stage 3     weights too: gathered for each block, forward and backward

(Rajbhandari et al. 2020, arXiv:1910.02054; FSDP2 is ``torch.distributed.fsdp.fully_shard``.) FSDP2 shards the
gradients of stage 1 as well: less memory, the same numbers. What is offloaded goes together: weights,
gradients and optimiser state.
"""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Sharding:
    stage: int
    offload: bool = False
    """To the machine's memory."""
    pin_memory: bool = False

    def arguments(self, device: torch.device) -> dict[str, Any]:
        """For ``fully_shard``, of blocks and of the model around them, whose own weights FSDP2 keeps whole
        until they were used backward. Where the device is the CPU there is nowhere to offload from."""
        said: dict[str, Any] = {} if self.stage == 3 else {"reshard_after_forward": False}
        if self.offload and device.type != "cpu":
            from torch.distributed.fsdp import CPUOffloadPolicy  # takes a second to import

            said["offload_policy"] = CPUOffloadPolicy(pin_memory=self.pin_memory)
        return said
