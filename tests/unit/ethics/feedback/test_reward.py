"""Reward models: what they learn, what they are judged by, and that they are what was written down."""

import math

import numpy as np
import pytest

from colonnade.errors import Conflict, InvalidArgument
from colonnade.ethics.feedback.reward.bradley_terry import Array, chosen, fitted, log_loss
from colonnade.ethics.feedback.reward.built_in import built_in_pairs
from colonnade.ethics.feedback.reward.learning import Examples, learn
from colonnade.ethics.feedback.reward.model import RewardModel, Vectors, features_of

DRAW = np.random.default_rng(7)


def unit(rows: int, width: int) -> Vectors:
    vectors = DRAW.normal(size=(rows, width)).astype(np.float32)
    norms: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / norms


def examples(pairs: int, width: int = 8, *, taste: bool = True) -> Examples:
    """With taste, people like answers along one direction, and near the prompt."""
    prompts, first, second = (unit(pairs, width) for _ in range(3))
    liked = np.zeros(2 * width)
    liked[0], liked[width:] = 2.0, 0.5
    gain = (features_of(prompts, first) - features_of(prompts, second)) @ liked
    swap = (gain < 0) if taste else DRAW.random(pairs) < 0.5
    better, worse = np.where(swap[:, None], second, first), np.where(swap[:, None], first, second)
    sources = [("a", "b")[number % 2] for number in range(pairs)]
    return Examples(prompts, better, worse, [str(number) for number in range(pairs)], sources, [True] * pairs)


def test_one_feature_has_the_weight_of_its_odds() -> None:
    """9 of 10 prefer what has it: log 9, and 0 where the penalty is all."""
    differences = np.array([[1.0]] * 9 + [[-1.0]])
    assert fitted(differences, 1e-9)[0] == pytest.approx(math.log(9), abs=1e-4)
    assert abs(fitted(differences, 1e9)[0]) < 1e-6
    assert log_loss(np.zeros(1), differences) == pytest.approx(math.log(2))


def test_weights_are_where_the_slope_is_flat() -> None:
    differences, penalty, tiny = DRAW.normal(size=(40, 3)), 0.7, 1e-5
    weights = fitted(differences, penalty)

    def value(at: Array) -> float:
        return 40 * log_loss(at, differences) + penalty / 2 * float(at @ at)

    for axis in np.eye(3) * tiny:
        assert abs(value(weights + axis) - value(weights - axis)) / (2 * tiny) < 1e-4


def test_noise_gets_the_strongest_penalty_and_pure_taste_a_weak_one() -> None:
    noise = chosen(DRAW.normal(size=(60, 20)), DRAW.normal(size=(200, 20)))
    assert noise.penalty >= 30
    data = DRAW.normal(size=(400, 5))
    data *= np.sign(data @ np.arange(5))[:, None]
    assert chosen(data[:200], data[200:]).penalty <= 1


def test_taste_is_learnt_and_noise_is_not() -> None:
    found = learn(examples(600), "sha256:e")
    assert found.accuracy.value > 0.9
    assert found.loss < 0.4
    assert set(found.held_out) == set(found.learnt) == {"a", "b"}
    assert sum(found.learnt.values()) + found.accuracy.of == 600
    assert found.longer.value == 1.0
    low, high = learn(examples(600, taste=False), "sha256:e").accuracy.interval
    assert low < 0.5 < high + 0.1


def test_a_component_that_is_all_but_zero_has_no_say() -> None:
    given = examples(200)
    for vectors in (given.prompts_NE, given.chosen_NE, given.rejected_NE):
        vectors[:, 3] *= 1e-33
    model = learn(given, "sha256:e").model
    assert np.abs(model.weights_F[[3, 11]]).max() < 1e-6
    assert np.isfinite(model.scores(given.prompts_NE[0], given.chosen_NE)).all()


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(Conflict, match="built-in"):
        learn(examples(15), "sha256:e")


def test_what_is_written_scores_the_same() -> None:
    model = learn(examples(200), "sha256:e").model
    prompt, answers = unit(1, 8)[0], unit(3, 8)
    read = RewardModel.from_bytes(model.to_bytes(), "sha256:e")
    assert read.scores(prompt, answers) == model.scores(prompt, answers)
    with pytest.raises(InvalidArgument, match="weights"):
        RewardModel.from_bytes(b"nothing", "sha256:e")
    with pytest.raises(InvalidArgument, match="vectors"):
        model.scores(unit(1, 9)[0], unit(3, 9))


def test_built_in_pairs_are_pairs() -> None:
    pairs = built_in_pairs()
    assert len({pair.prompt for pair in pairs}) == len(pairs) >= 50
    assert all(pair.chosen.strip() != pair.rejected.strip() != "" for pair in pairs)
