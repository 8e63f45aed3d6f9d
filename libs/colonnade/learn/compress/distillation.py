"""A small ``transformer`` learns what a large one would say (Hinton et al. 2015, arXiv:1503.02531).

    loss = (1 - weight) * CE(targets, student) + weight * temperature^2 * D(teacher, student)

D compares the distributions of logits / temperature at every target; the square keeps its gradients as large
as those of the cross-entropy. ``forward`` is KL(teacher || student): the student covers all that the teacher
may say. ``reverse`` is KL(student || teacher): it keeps to what the teacher would say (Gu et al. 2023,
arXiv:2306.08543). With ``top`` k, the teacher's k most likely tokens are compared one by one and all others
as if they were one token: a divergence still, and never more than that of the whole distributions.

The logits of both models are made a few rows at a time, and again on the way back (Chen et al. 2016,
arXiv:1604.06174): of a long batch with a large vocabulary they would be larger than both models.

Shapes: B rows, T tokens, N targets, C targets of a chunk, D width, V vocabulary.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from colonnade.errors import InvalidArgument
from colonnade.learn.compress.settings import DistillationSettings
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.training import IGNORE, Loss

TEACHER = "objective.teacher"
CHUNK_BYTES = 32 << 20
"""Of one chunk's logits of one model in float32."""


class Distillation:
    """An ``Objective``. ``Loss.nll`` is the text's alone, so that perplexities compare; what the teacher
    changes of it is ``extra``. ``measure`` adds ``divergence`` (D, without the square)."""

    def __init__(self, teacher: Transformer, settings: DistillationSettings) -> None:
        """``teacher`` is on the student's device; it is only read."""
        self._teacher, self._settings = teacher, settings

    def __call__(
        self, model: nn.Module, tokens_BT: Tensor, targets_BT: Tensor, *, measure: bool = False
    ) -> Loss:
        """Raises ``InvalidArgument`` for a student with another vocabulary."""
        assert isinstance(model, Transformer)
        check_vocabulary(self._teacher.vocab_size, model.vocab_size)
        learnt_N = targets_BT.flatten() != IGNORE
        with torch.no_grad():
            teacher_ND = self._teacher.hidden_full(tokens_BT).flatten(0, 1)[learnt_N]
        student_ND = model.hidden_full(tokens_BT).flatten(0, 1)[learnt_N]
        found = self._sums(model, student_ND, teacher_ND, targets_BT.flatten()[learnt_N])
        settings, count = self._settings, learnt_N.sum()
        more = settings.temperature**2 * found.divergence - found.nll
        said = {"divergence": found.divergence, "top1": found.top1, "top5": found.top5}
        return Loss(
            found.nll,
            count,
            extra=settings.weight * more / count.clamp(min=1),
            measures={name: value.detach() for name, value in said.items()} if measure else {},
        )

    def _sums(self, model: Transformer, student_ND: Tensor, teacher_ND: Tensor, targets_N: Tensor) -> "_Sums":
        rows = max(1, CHUNK_BYTES // (4 * model.vocab_size))
        total = _Sums(*(student_ND.new_zeros((), dtype=torch.float32) for _ in _Sums._fields))
        # Split, not sliced: the gradients of slices would each be as long as all of them.
        pieces = (torch.split(each, rows) for each in (student_ND, teacher_ND, targets_N))
        for student_CD, teacher_CD, targets_C in zip(*pieces, strict=True):
            found = checkpoint(
                self._chunk, student_CD, model.output_weight, teacher_CD, targets_C,
                use_reentrant=False, preserve_rng_state=False,
            )  # fmt: skip
            total = _Sums(*(one + other for one, other in zip(total, found, strict=True)))
        return total

    def _chunk(self, student_CD: Tensor, weight_VD: Tensor, teacher_CD: Tensor, targets_C: Tensor) -> "_Sums":
        student_CV = F.linear(student_CD, weight_VD).float()
        with torch.no_grad():
            teacher_CV = F.linear(teacher_CD, self._teacher.output_weight).float()
        nll = F.cross_entropy(student_CV, targets_C, reduction="sum")
        above_C = (student_CV > student_CV.gather(1, targets_C[:, None])).sum(1)
        return _Sums(
            nll, divergence(student_CV, teacher_CV, self._settings), (above_C < 1).sum(), (above_C < 5).sum()
        )


def divergence(student_CV: Tensor, teacher_CV: Tensor, settings: DistillationSettings) -> Tensor:
    """The sum over C of D, in nats, differentiable in the student's logits."""
    student_CV, teacher_CV = student_CV / settings.temperature, teacher_CV / settings.temperature
    if settings.top is not None and settings.top < teacher_CV.shape[1]:
        chosen_CK = teacher_CV.topk(settings.top, dim=1).indices
        student_CV, teacher_CV = _lumped(student_CV, chosen_CK), _lumped(teacher_CV, chosen_CK)
    student_CV, teacher_CV = student_CV.log_softmax(1), teacher_CV.log_softmax(1)
    if settings.divergence == "forward":
        return F.kl_div(student_CV, teacher_CV, reduction="sum", log_target=True)
    return F.kl_div(teacher_CV, student_CV, reduction="sum", log_target=True)


class _Sums(NamedTuple):
    nll: Tensor
    divergence: Tensor
    top1: Tensor
    top5: Tensor


def _lumped(logits_CV: Tensor, chosen_CK: Tensor) -> Tensor:
    """(C, K + 1): the chosen logits, and one that stands for all others together."""
    others_CV = logits_CV.scatter(1, chosen_CK, -torch.inf)
    return torch.cat((logits_CV.gather(1, chosen_CK), others_CV.logsumexp(1, keepdim=True)), dim=1)


def check_vocabulary(teacher: int, student: int) -> None:
    if teacher != student:
        raise InvalidArgument(
            f"{TEACHER}: its vocabulary has {teacher} tokens, the student's {student}; of a new student it"
            f" can be set: model.with: {{vocab_size: {teacher}}}",
            field=TEACHER,
            limit=teacher,
        )
