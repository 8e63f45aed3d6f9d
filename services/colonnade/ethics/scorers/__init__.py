"""Scorers that answer at once: patterns over folded text."""

from collections.abc import Mapping, Sequence

from colonnade.ethics.ports import Scorer
from colonnade.ethics.scorers.contacts import email_scorer, ip_scorer, phone_scorer
from colonnade.ethics.scorers.harm import harm_scorer
from colonnade.ethics.scorers.injection import injection_scorer
from colonnade.ethics.scorers.numbers import card_scorer, iban_scorer, ssn_scorer
from colonnade.ethics.scorers.secrets import secret_scorer

__all__ = ["fast_scorers"]


def fast_scorers(phone_regions: Sequence[str] = ("US", "GB")) -> Mapping[str, Scorer]:
    """By name."""
    scorers: list[Scorer] = [
        email_scorer(),
        phone_scorer(phone_regions),
        card_scorer(),
        iban_scorer(),
        ssn_scorer(),
        ip_scorer(),
        secret_scorer(),
        injection_scorer(),
        harm_scorer(),
    ]
    return {scorer.name: scorer for scorer in scorers}
