"""What this family offers a training loop."""

from torch.distributed.device_mesh import DeviceMesh

from colonnade.models.families.transformer import presets
from colonnade.models.families.transformer.checkpoint import blank, save
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.names import stored_name
from colonnade.models.families.transformer.objective import likelihoods, next_token
from colonnade.models.training import Trainable


def _split(model: Transformer, devices: DeviceMesh) -> None:
    from colonnade.models.families.transformer.parallelize import split  # takes a second to import

    split(model, devices)


TRAINABLE = Trainable(
    presets={
        each.__name__: each
        for each in (
            presets.debug, presets.tiny, presets.small, presets.base,
            presets.large, presets.xlarge, presets.xxlarge,
        )
    },
    build=Transformer,
    objective=next_token,
    blank=blank,
    stored_name=stored_name,
    save=save,
    logits=Transformer.forward_full,
    likelihoods=likelihoods,
    stacks=("blocks",),
    methods=("forward_full", "hidden_full"),
    split=_split,
)  # fmt: skip
