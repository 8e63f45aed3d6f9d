"""What a search asks for, of a request's query."""

from colonnade.gateway.domain.catalogue import Search
from colonnade.gateway.domain.limits import Range
from colonnade.security.inputs import check_text
from colonnade.security.inputs.catalogue import MAX_FILTER_BYTES, MAX_ORDER_BYTES, MAX_PAGE_SIZE

_PAGE = Range(1, MAX_PAGE_SIZE)
_TOKEN_BYTES = 1024


def search_of(asked: str, order_by: str, page_size: int, page_token: str) -> Search:
    """What is asked for, checked as far as it is seen here: the registry reads it."""
    _PAGE.check("page_size", page_size)
    return Search(
        check_text(asked, "filter", MAX_FILTER_BYTES, allow_empty=True),
        check_text(order_by, "order_by", MAX_ORDER_BYTES, allow_empty=True, controls="line"),
        page_size,
        check_text(page_token, "page_token", _TOKEN_BYTES, allow_empty=True, controls="line"),
    )
