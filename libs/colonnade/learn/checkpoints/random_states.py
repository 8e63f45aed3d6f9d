"""The states of the global random generators of Python, numpy and torch, as plain JSON and bit for bit.

What a run draws itself comes from generators that it seeds by step. These are for what libraries draw:
dropout, an initialiser, an augmentation.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.checkpoints.snapshot import Json

_WORDS = 624
"""Of 32 bits: the state of the Mersenne Twister (Matsumoto and Nishimura 1998) of Python and numpy."""
_PYTHON_VERSION = 3
"""Of ``random.getstate``."""


def capture_random() -> dict[str, Json]:
    """The states of ``random``, ``numpy.random`` and torch, on the CPU and on every CUDA device in use."""
    return {
        "python": _python(),
        "numpy": _numpy(),
        "torch": _hexadecimal(torch.get_rng_state()),
        "cuda": [_hexadecimal(state) for state in torch.cuda.get_rng_state_all()] if _on_cuda() else [],
    }


def restore_random(states: Mapping[str, Json]) -> None:
    """Sets what ``capture_random`` returned: all, or nothing where one of them is damaged.

    States of CUDA devices that this machine lacks are left out. Raises ``InvalidArgument``."""
    setters: list[Callable[[], Any]] = []
    for name, prepare in (("python", _set_python), ("numpy", _set_numpy), ("torch", _set_torch)):
        try:
            setters.append(prepare(states[name]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidArgument(f"the random state of {name} is damaged", field=f"random.{name}") from error
    for setter in setters:
        setter()
    if _on_cuda():
        for device, text in enumerate(states.get("cuda", [])[: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(_tensor(text), device)


def _on_cuda() -> bool:
    """Asking for a state would start CUDA; a run that did not use it has none to keep."""
    return torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def _python() -> Json:
    version, words, gauss = random.getstate()
    if version != _PYTHON_VERSION:
        raise Unsupported(f"random states of version {version} are not known", field="random.python")
    return {"words": _words(words[:-1]), "position": words[-1], "gauss": gauss}


def _numpy() -> Json:
    state = np.random.get_state(legacy=False)
    assert isinstance(state, dict)
    if state["bit_generator"] != "MT19937":
        raise Unsupported(
            "numpy's global generator was replaced; draw from a numpy.random.Generator of your own instead",
            field="random.numpy",
        )
    return {
        "words": _words(state["state"]["key"]),
        "position": int(state["state"]["pos"]),
        "gauss": float(state["gauss"]) if state["has_gauss"] else None,
    }


def _set_python(said: Json) -> Callable[[], Any]:
    gauss = None if said["gauss"] is None else float(said["gauss"])
    state = (_PYTHON_VERSION, (*_unpacked(said["words"]).tolist(), int(said["position"])), gauss)
    random.Random().setstate(state)  # noqa: S311 (a trial, so that a damaged one is refused)
    return lambda: random.setstate(state)


def _set_numpy(said: Json) -> Callable[[], Any]:
    gauss = said["gauss"]
    state = {
        "bit_generator": "MT19937",
        "state": {"key": _unpacked(said["words"]), "pos": int(said["position"])},
        "has_gauss": int(gauss is not None),
        "gauss": 0.0 if gauss is None else float(gauss),
    }
    np.random.RandomState().set_state(state)
    return lambda: np.random.set_state(state)


def _set_torch(said: Json) -> Callable[[], Any]:
    state = _tensor(said)
    torch.Generator().set_state(state)
    return lambda: torch.set_rng_state(state)


def _words(words: Any) -> str:
    return np.asarray(words, dtype="<u4").tobytes().hex()


def _unpacked(text: str) -> Any:
    words = np.frombuffer(bytes.fromhex(text), dtype="<u4")
    if len(words) != _WORDS:
        raise ValueError(f"{len(words)} words")
    return words.astype(np.uint32)


def _hexadecimal(state: Tensor) -> str:
    return state.cpu().numpy().tobytes().hex()


def _tensor(text: str) -> Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8).clone()
