"""Python runs this at the start of any process that has its folder on PYTHONPATH.

In the engine's process, a model of FAILING_LAYERS layers is as it should be until the file FAILING_ONCE is
there. What stands in it says what it does from then on: it begins no answer any more (``fails``), begins each
half a second late (``slow``), or says anything at all (``garbles``). Nothing else is touched.
"""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
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
            how = once.read_text() if once.exists() else ""
            begins = any(span.start == 0 for span in batch.spans)
            if how == "fails" and begins:
                raise RuntimeError("these weights begin no answer")
            if how == "slow" and begins:
                time.sleep(0.5)
            outputs = sound(batch, state)
            if how == "garbles":
                return replace(outputs, logits_WV=20 * torch.randn_like(outputs.logits_WV))
            return outputs

        if model.config.layers == layers:
            model.forward = forward  # type: ignore[method-assign]
        return model

    catalog.register("transformer", load)
