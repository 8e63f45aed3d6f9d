"""Events on the wire."""

import json

from hypothesis import given
from hypothesis import strategies as st

from colonnade.gateway.http.framing import frame

_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_TEXT = st.text(st.one_of(st.sampled_from(_BREAKS), st.characters(exclude_categories=["Cs"])))


@given(_TEXT)
def test_whatever_a_client_takes_for_a_line_break_an_event_is_one_line(text: str) -> None:
    event = frame({"text": text}).decode()
    first, *rest = event.splitlines()
    assert rest == [""]
    assert json.loads(first.removeprefix("data: ")) == {"text": text}
