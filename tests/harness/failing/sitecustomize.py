"""Python runs this at the start of any process that has its folder on PYTHONPATH.

In the engine's process, a model of FAILING_LAYERS layers is as it should be until the file FAILING_ONCE is
there: from then on it begins no answer any more. Answers that have begun go on. Nothing else is touched.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ONCE = os.environ.get("FAILING_ONCE")

if ONCE and "colonnade.engine" in sys.orig_argv:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the engine does, before torch is there
    import torch

    from colonnade.models.families import catalog, transformer
    from colonnade.models.protocol import Batch, LanguageModel, Outputs, State

    once, layers = Path(ONCE), int(os.environ["FAILING_LAYERS"])

    def load(
        files: Mapping[str, Path], *, dtype: torch.dtype | None, device: torch.device | str
    ) -> LanguageModel:
        model = transformer.load(files, dtype=dtype, device=device)
        sound = model.forward

        def forward(batch: Batch, state: State) -> Outputs:
            if any(span.start == 0 for span in batch.spans) and once.exists():
                raise RuntimeError("these weights begin no answer")
            return sound(batch, state)

        if model.config.layers == layers:
            model.forward = forward  # type: ignore[method-assign]
        return model

    catalog.register("transformer", load)
