"""Whether a policy can be carried out by the scorers that there are."""

from collections.abc import Mapping
from typing import NoReturn

from colonnade.errors import InvalidArgument
from colonnade.ethics.domain.policy import Policy, Rule
from colonnade.ethics.ports import Scorer


def check_scorers(policy: Policy, scorers: Mapping[str, Scorer]) -> None:
    """Raises ``InvalidArgument`` naming the field of the first rule that cannot work."""
    for place, rule in enumerate(policy.rules):
        scorer = scorers.get(rule.scorer)
        if scorer is None:
            _refuse(
                place, "scorer", f"there is no scorer {rule.scorer}; there are {', '.join(sorted(scorers))}"
            )
        _check_categories(place, rule, scorer.categories)
        if scorer.context > policy.holding.characters:
            raise InvalidArgument(
                f"holding.characters: the scorer {rule.scorer} may hold back {scorer.context} characters; "
                "allow as many, or drop its rules",
                field="holding.characters",
                limit=scorer.context,
            )


def _check_categories(place: int, rule: Rule, known: frozenset[str]) -> None:
    if unknown := sorted(rule.categories - known):
        there = ", ".join(sorted(known))
        _refuse(place, "categories", f"the scorer {rule.scorer} has no category {unknown[0]}; it has {there}")


def _refuse(place: int, name: str, why: str) -> NoReturn:
    field = f"rules.{place}.{name}"
    raise InvalidArgument(f"{field}: {why}", field=field)
