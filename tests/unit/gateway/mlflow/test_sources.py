"""What the source of a model version may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.gateway.service.mlflow.sources import VersionSource, parsed_source, version_number

TAKEN = {
    "bundled:smollm2-135m-instruct": "bundled:smollm2-135m-instruct",
    "/models/qwen": "/models/qwen",
    "qwen.gguf": "qwen.gguf",
    "https://example.org/qwen.gguf": "https://example.org/qwen.gguf",
    "file:///models/a%20b": "/models/a b",
    "file://localhost/models/qwen": "/models/qwen",
    "file:/models/qwen": "/models/qwen",
    "models:/qwen/3": VersionSource("qwen", 3),
}


@pytest.mark.parametrize("source", TAKEN)
def test_what_is_taken(source: str) -> None:
    assert parsed_source(source) == TAKEN[source]


@pytest.mark.parametrize("source", ["runs:/abc/model", "mlflow-artifacts:/1/abc", "dbfs:/x"])
def test_what_is_of_a_tracking_server(source: str) -> None:
    with pytest.raises(Unsupported, match="there are no runs"):
        parsed_source(source)


@pytest.mark.parametrize(
    "source",
    [
        "", "s3://bucket/model", "http://example.org/x", "models:/qwen", "models:/qwen@production",
        "models:/qwen/Production", "models:/qwen/latest", "models:/QWEN/1", "models:/qwen/0",
        "models:/m-0123456789abcdef", "models:/qwen/1/model.safetensors", "file://far/models", "file:models",
        "file:///models/%00", "a\nb",
    ],
)  # fmt: skip
def test_what_is_refused(source: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parsed_source(source)
    assert refused.value.details["field"] in ("source", "version")


@given(st.text(max_size=40))
def test_anything_is_understood_or_refused(text: str) -> None:
    for source in (text, f"models:/{text}", f"file://{text}"):
        try:
            found = parsed_source(source)
        except ColonnadeError as error:
            assert error.details["field"]  # noqa: PT017
        else:
            assert found


@pytest.mark.parametrize("text", ["", "0", "-1", "1.0", "one", "²", "9" * 17, str(2**31), " 1"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidArgument, match="version must be a number"):
        version_number(text)


def test_versions() -> None:
    assert (version_number("1"), version_number("007"), version_number(str(2**31 - 1))) == (1, 7, 2**31 - 1)
