"""What may be offered to whom."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from colonnade import console
from colonnade.console.views.rights import facts_of, foreign, why_not
from colonnade.security.access.gateway import ROUTES
from tests.unit.console.conftest import ANN

_SOURCES = Path(console.__file__).parent
_ROUTE = re.compile(r'"((?:GET|POST|PUT|PATCH|DELETE) /[^"]*)"')


def test_what_the_gateway_lets_one_do_is_offered() -> None:
    assert why_not(ANN, "GET /models", "Seeing models") == ""


def test_what_it_does_not_says_which_role_it_takes() -> None:
    assert why_not(ANN, "POST /rollouts", "Promoting a version") == (
        "Promoting a version takes the role admin or model engineer; you have caller."
    )
    nobody = replace(ANN, roles=())
    assert (
        why_not(nobody, "POST /keys", "Making a key") == "Making a key takes the role admin; you have none."
    )


@pytest.mark.parametrize("path", sorted(_SOURCES.rglob("*.py")), ids=lambda path: path.name)
def test_every_route_that_a_page_names_is_one(path: Path) -> None:
    assert set(_ROUTE.findall(path.read_text())) <= set(ROUTES)


def test_what_belongs_to_others_is_not_offered() -> None:
    assert foreign(ANN, "acme") == ""
    assert foreign(replace(ANN, tenant="local"), "acme") == ""
    assert foreign(ANN, "shop") == (
        "It belongs to the tenant shop; its people alone change it, and you are of acme."
    )


def test_who_one_is() -> None:
    engineer = replace(ANN, roles=("caller", "model_engineer"), key=None)
    assert facts_of(engineer) == [
        ("Tenant", "acme"),
        ("Subject", "ann"),
        ("Roles", "caller, model engineer"),
        ("Key", "none is asked for"),
    ]
