"""The one table of refusals."""

import ast
import sys
from pathlib import Path

import grpc
import pytest

import colonnade.errors as errors
from colonnade.errors import (
    GRPC_STATUS,
    HTTP_STATUS,
    Code,
    ColonnadeError,
    Internal,
    InvalidArgument,
    error_of,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, ColonnadeError) and value is not ColonnadeError
]


def test_every_code_has_exactly_one_class() -> None:
    assert sorted(cls.code for cls in CLASSES) == sorted(Code)


def test_every_class_is_exported() -> None:
    assert {cls.__name__ for cls in CLASSES} <= set(errors.__all__)


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_status_on_each_wire(code: Code) -> None:
    assert 400 <= HTTP_STATUS[code] < 600
    assert GRPC_STATUS[code] in grpc.StatusCode.__members__
    assert GRPC_STATUS[code] != "OK"


@pytest.mark.parametrize("code", Code)
def test_only_our_own_faults_are_5xx(code: Code) -> None:
    ours = {Code.INTERNAL, Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED}
    assert (HTTP_STATUS[code] >= 500) == (code in ours)


@pytest.mark.parametrize("code", Code)
def test_a_code_leads_back_to_its_class(code: Code) -> None:
    error = error_of(code.value, "why", {"field": "prompt", "message": "m", "self": 1, "code": "c"})
    assert error.code is code
    assert type(error) in CLASSES
    assert str(error) == error.message == "why"
    assert error.details == {"field": "prompt", "message": "m", "self": 1, "code": "c"}


def test_an_unknown_code_is_internal() -> None:
    assert type(error_of("teapot", "short and stout")) is Internal


def test_details_are_each_errors_own() -> None:
    given = {"limit": 1}
    error = error_of("invalid_argument", "m", given)
    error.details["field"] = "top_p"
    assert given == {"limit": 1}
    assert InvalidArgument("m").details == {}


def test_only_the_standard_library_is_imported() -> None:
    folder = Path(errors.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            for name in _imported(node):
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or name.startswith("colonnade.errors"), (
                    file.name,
                    name,
                )


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
