"""What is piped into a command."""

import sys
from collections.abc import Sequence

from colonnade.errors import InvalidArgument
from colonnade.security.inputs.sizes import MIB, check_size

_MAX_BYTES = 16 * MIB
"""Far more than any platform takes, and little enough to hold: ``colonnade generate - < /dev/zero`` ends."""


def text_of_input(field: str) -> str:
    """All of it, as text; ``field`` is what it stands for."""
    try:
        # UTF-8 whatever the locale says: under the plain C one Python would let anything through.
        data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        check_size(len(data), _MAX_BYTES, "standard input")
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument("standard input must be UTF-8 text", field=field) from error
    if not text:
        raise InvalidArgument("standard input is empty; pipe text into the command", field=field)
    return text


def lines_of(arguments: Sequence[str], field: str) -> list[str]:
    """The arguments, or the lines of standard input that are not empty for a single ``-``."""
    if list(arguments) != ["-"]:
        return list(arguments)
    return [line for line in text_of_input(field).splitlines() if line]
