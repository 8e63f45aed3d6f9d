"""The papers' equations in numpy and float64: one function an optimiser, for one array.

Each takes the weights, the gradient, a dictionary of its own that is empty at first, the step from 1, the
learning rate and the decay, and returns the new weights.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Update = Callable[[Array, Array, dict[str, Any], int, float, float], Array]


def adamw(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Algorithm 2 of arXiv:1711.05101, the decay times the learning rate."""
    b1, b2, epsilon = 0.9, 0.95, 1e-8
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    m_hat, v_hat = s["m"] / (1 - b1**t), s["v"] / (1 - b2**t)
    return np.asarray(w - lr * (m_hat / (np.sqrt(v_hat) + epsilon) + decay * w))


def sgd(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Heavy ball with L2."""
    s["b"] = 0.9 * s.get("b", 0.0) + g + decay * w
    return w - lr * np.asarray(s["b"])


def lion(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Algorithm 2 of arXiv:2302.06675."""
    b1, b2 = 0.9, 0.99
    m = s.get("m", np.zeros_like(g))
    update = np.sign(b1 * m + (1 - b1) * g)
    s["m"] = b2 * m + (1 - b2) * g
    return np.asarray(w - lr * (update + decay * w))


def lamb(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Algorithm 2 of arXiv:1904.00962v3, phi(z) = min(z, 10)."""
    b1, b2, epsilon = 0.9, 0.999, 1e-6
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g**2
    direction = s["m"] / (np.sqrt(s["v"]) + epsilon) + decay * w
    ratio = min(float(np.linalg.norm(w)), 10.0) / (float(np.linalg.norm(direction)) + epsilon)
    return np.asarray(w - lr * ratio * direction)


def adan(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Algorithm 1 of arXiv:2208.06677, whose betas are one minus these; moments corrected for their start."""
    b1, b2, b3, epsilon = 0.98, 0.92, 0.99, 1e-8
    difference = g - s.get("g", g)
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * difference
    s["n"] = b3 * s.get("n", 0.0) + (1 - b3) * (g + b2 * difference) ** 2
    s["g"] = g
    pace = lr / (np.sqrt(s["n"] / (1 - b3**t)) + epsilon)
    moved = w - pace * (s["m"] / (1 - b1**t) + b2 * s["v"] / (1 - b2**t))
    return np.asarray(moved / (1 + lr * decay))


def adafactor(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Algorithms 4 and 5 of arXiv:1804.04235 with its proposed beta 2 and clipping; sums, not means."""
    forget = 1 - t**-0.8

    def mean_square(x: Array) -> float:
        return float(np.sqrt((x**2).mean()))

    if g.ndim == 2:
        s["r"] = forget * s.get("r", 0.0) + (1 - forget) * (g**2).sum(1, keepdims=True)
        s["c"] = forget * s.get("c", 0.0) + (1 - forget) * (g**2).sum(0, keepdims=True)
        v = s["r"] @ s["c"] / s["r"].sum()
    else:
        s["v"] = v = forget * s.get("v", 0.0) + (1 - forget) * g**2
    update = g / np.sqrt(v)
    update /= max(1.0, mean_square(update) / 1.0)
    pace = max(1e-3, mean_square(w)) * min(lr, t**-0.5)
    return np.asarray(w - lr * decay * w - pace * update)


def sophia(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Algorithm 3 of arXiv:2305.14342; ``s["estimate"]`` is given at every third step."""
    b1, b2, gamma, epsilon = 0.96, 0.99, 0.01, 1e-12
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    if (t - 1) % 3 == 0:
        s["h"] = b2 * s.get("h", 0.0) + (1 - b2) * s["estimate"]
    w = w - lr * decay * w
    return np.asarray(w - lr * np.clip(s["m"] / np.maximum(gamma * s["h"], epsilon), -1, 1))


def muon(w: Array, g: Array, s: dict[str, Any], t: int, lr: float, decay: float) -> Array:
    """Jordan et al. 2024: five quintic Newton-Schulz iterations; scaled to AdamW's as in arXiv:2502.16982."""
    s["b"] = 0.95 * s.get("b", 0.0) + g
    x = g + 0.95 * s["b"]
    x = x / np.linalg.norm(x)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return np.asarray(w - lr * decay * w - 0.2 * np.sqrt(max(w.shape)) * lr * x)


REFERENCES: dict[str, Update] = {
    "adamw": adamw,
    "sgd": sgd,
    "lion": lion,
    "lamb": lamb,
    "adan": adan,
    "adafactor": adafactor,
    "sophia": sophia,
}
