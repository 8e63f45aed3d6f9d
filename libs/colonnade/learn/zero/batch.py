"""DeepSpeed's three numbers of a batch, of which two say the third.

    train_batch_size = train_micro_batch_size_per_gpu x gradient_accumulation_steps x processes

A recipe says its batch as one process would go through it: rows of a forward pass, and how many passes; the
processes divide the passes among them.
"""

from colonnade.learn.zero.document import Document, refused

_TOTAL, _MICRO = "train_batch_size", "train_micro_batch_size_per_gpu"
_PASSES = "gradient_accumulation_steps"


def batch(document: Document, processes: int) -> dict[str, int]:
    """The recipe's ``batch.rows`` and ``batch.accumulate``."""
    total, micro, passes = (document.count(field, least=1) for field in (_TOTAL, _MICRO, _PASSES))
    if micro is None:
        if total is None:
            raise refused(_TOTAL, "missing", f"write two of {_TOTAL}, {_MICRO} and {_PASSES}")
        micro = _share(total, passes or 1, processes)
    if passes is None:
        passes = 1 if total is None else _share(total, micro, processes)
    if total is not None and total != micro * passes * processes:
        fits = total // (micro * processes)
        raise refused(
            _TOTAL,
            total,
            f"{_MICRO} {micro} x {_PASSES} {passes} x {processes} processes are {micro * passes * processes}"
            + (f"; write {_PASSES} {fits}" if fits * micro * processes == total else "; correct one of them"),
        )
    return {"rows": micro, "accumulate": passes * processes}


def _share(total: int, known: int, processes: int) -> int:
    if total % (known * processes):
        raise refused(_TOTAL, total, f"write a multiple of {known * processes}, for {processes} processes")
    return total // (known * processes)
