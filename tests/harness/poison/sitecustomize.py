"""Python runs this at the start of any process that has its folder on PYTHONPATH.

In the engine's process it makes a model that dies, with all of the process, at one token: what a fault in
native code does. Nothing else of the platform is touched.
"""

import ctypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path

TOKEN = os.environ.get("POISON_TOKEN")

if TOKEN and "colonnade.engine" in sys.orig_argv:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the engine does, before torch is there
    import torch

    from colonnade.models.families import catalog, transformer
    from colonnade.models.protocol import Batch, LanguageModel, Outputs, State

    poison = int(TOKEN)

    def load(
        files: Mapping[str, Path], *, dtype: torch.dtype | None, device: torch.device | str
    ) -> LanguageModel:
        model = transformer.load(files, dtype=dtype, device=device)
        sound = model.forward

        def forward(batch: Batch, state: State) -> Outputs:
            if bool((batch.tokens_N == poison).any()):
                ctypes.string_at(0)  # in this very thread: a signal sent might be any thread's to take
            return sound(batch, state)

        model.forward = forward  # type: ignore[method-assign]
        return model

    catalog.register("transformer", load)
