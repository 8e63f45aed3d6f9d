"""The classifiers that are shipped: learned from nothing that judges them, with the bundled encoder."""

import pytest

from colonnade.ethics.classifiers import read
from evidence.claims.guard import published
from evidence.claims.guard.encoder import Encoder
from evidence.claims.guard.item import normalised
from evidence.claims.guard.learning import learned

pytestmark = pytest.mark.slow


def test_no_text_that_judges_is_learned_from() -> None:
    judging = {normalised(item.text) for item in published.whole()}
    items, left_out = learned()
    assert left_out > 0
    assert [item.source for item in items if normalised(item.text) in judging] == []


def test_the_bundled_encoder_is_imported_as_what_they_learned_with() -> None:
    assert Encoder().digest == read().model
