"""``docs/claims.md`` says what the results say."""

from docs.tools.claims_page import read, render
from docs.tools.performance_page import DOCS


def test_the_committed_page_and_pictures_are_those_of_the_results() -> None:
    written = render(read())
    assert [path for path, text in written.items() if (DOCS / path).read_text() != text] == []
