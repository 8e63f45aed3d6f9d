"""Principals and roles."""

import pytest

from colonnade.security.identity import Principal, Role


def test_the_roles_are_these() -> None:
    assert {role.value for role in Role} == {
        "admin",
        "operator",
        "model_engineer",
        "caller",
        "auditor",
        "service",
    }


def test_one_role_of_several_is_enough() -> None:
    principal = Principal("t", "s", frozenset({Role.CALLER, Role.AUDITOR}))
    assert principal.has_any(frozenset({Role.AUDITOR, Role.ADMIN}))
    assert not principal.has_any(frozenset({Role.ADMIN}))
    assert not principal.has_any(frozenset())
    assert not Principal("t", "s", frozenset()).has_any(frozenset(Role))


def test_a_service_acts_for_itself_with_its_own_role_alone() -> None:
    assert Principal.service("engine") == Principal("platform", "engine", frozenset({Role.SERVICE}))


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Principal.service("engine").tenant = "other"  # type: ignore[misc]
