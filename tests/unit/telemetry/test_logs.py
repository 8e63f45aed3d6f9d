"""JSON lines with context, whatever is logged and however."""

import contextvars
import json
import logging
import sys
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.telemetry import bind_request, current_request_id, get_logger, setup, span

pytestmark = pytest.mark.usefixtures("logging_restored")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _configured(logging_restored: None) -> None:
    setup("engine", log_level="info")


def lines(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_its_fields_in_order(capsys: Capture) -> None:
    get_logger("colonnade.engine").info("model loaded", model="m")
    (line,) = lines(capsys)
    assert list(line) == ["timestamp", "level", "service", "logger", "event", "model"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["service"], line["event"]) == ("info", "engine", "model loaded")


def test_the_request_and_the_trace_are_on_every_line_inside(capsys: Capture) -> None:
    with bind_request("r-1"), span("work") as active:
        get_logger("x").info("inside")
        logging.getLogger("uvicorn.error").warning("also %s", "inside")
    get_logger("x").info("outside")
    first, second, outside = lines(capsys)
    for line in (first, second):
        assert line["request_id"] == "r-1"
        assert line["trace_id"] == f"{active.get_span_context().trace_id:032x}"
        assert line["span_id"] == f"{active.get_span_context().span_id:016x}"
    assert second["event"] == "also inside"
    assert not {"request_id", "trace_id", "span_id"} & outside.keys()


def test_debugging_tells_of_the_platform_and_not_what_libraries_handle(capsys: Capture) -> None:
    setup("engine", log_level="debug")
    get_logger("colonnade.engine").debug("a step")
    logging.getLogger("aiosqlite").debug("executing %s", "INSERT ... VALUES ('what somebody said')")
    assert [line["event"] for line in lines(capsys)] == ["a step"]


def test_requests_nest() -> None:
    with bind_request("a"):
        with bind_request("b"):
            assert current_request_id() == "b"
        assert current_request_id() == "a"
    assert current_request_id() == ""


def test_a_generator_closed_elsewhere_leaves_its_request_quietly() -> None:
    def stream() -> Generator[int, None, None]:
        with bind_request("r"):
            yield 1

    generator = stream()
    contextvars.copy_context().run(next, generator)
    generator.close()
    assert current_request_id() == ""


def test_lower_levels_are_left_out(capsys: Capture) -> None:
    get_logger("x").debug("no")
    logging.getLogger("grpc").debug("no")
    logging.getLogger("httpx").info("no")
    get_logger("x").info("yes")
    assert [line["event"] for line in lines(capsys)] == ["yes"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="log_level") as refused:
        setup("engine", log_level="loud")
    assert refused.value.details["field"] == "log_level"


def test_setup_again_does_not_double_lines(capsys: Capture) -> None:
    setup("engine", log_level="info")
    setup("registry", log_level="INFO")
    get_logger("x").info("once")
    assert [line["service"] for line in lines(capsys)] == ["registry"]


def test_uvicorns_own_handlers_are_replaced(capsys: Capture) -> None:
    uvicorn = logging.getLogger("uvicorn")
    uvicorn.addHandler(logging.StreamHandler(sys.stderr))
    uvicorn.propagate = False
    setup("engine")
    uvicorn.info("started")
    assert [line["event"] for line in lines(capsys)] == ["started"]


def test_an_exception_is_structured_and_without_locals_or_secrets(capsys: Capture) -> None:
    def fail() -> None:
        local_secret = "do-not-show"
        raise ValueError(f"bad key ck_abc_topsecret {len(local_secret)}")

    try:
        fail()
    except ValueError:
        get_logger("x").exception("failed")
        logging.getLogger("alembic").exception("failed too")
    text = capsys.readouterr().err
    assert "topsecret" not in text
    assert "do-not-show" not in text
    for line in map(json.loads, text.splitlines()):
        (raised,) = line["exception"]
        assert raised["exc_type"] == "ValueError"
        assert raised["exc_value"] == "bad key ck_abc_[redacted] 11"
        assert raised["frames"][-1]["name"] == "fail"


def test_an_uncaught_exception_is_one_json_line(capsys: Capture) -> None:
    try:
        raise RuntimeError("last words")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    (line,) = lines(capsys)
    assert line["level"] == "critical"
    assert line["exception"][0]["exc_value"] == "last words"


def test_ctrl_c_is_not_logged(capsys: Capture) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "{" not in capsys.readouterr().err


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(object()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(event=st.text(st.characters()), value=_VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_anything_is_one_line_of_valid_json(capsys: Capture, event: str, value: Any) -> None:
    get_logger("x").info(event, value=value)
    text = capsys.readouterr().err
    assert text.isascii()
    assert text.count("\n") == 1

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)


def test_line_breaks_cannot_forge_a_line(capsys: Capture) -> None:
    get_logger("x").info('a\n{"level": "critical"}\r\u2028')
    (line,) = lines(capsys)
    assert line["level"] == "info"
