"""Strings that end up where some characters mean something: in file names, logs, SQL patterns, commands.

Two kinds of function: checks refuse, ``escape_*`` functions make safe what must be kept as it is.
SQL values themselves never need either: they are always bound parameters.
"""

import re

from colonnade.errors import InvalidArgument
from colonnade.security.inputs.texts import check_text

_MAX_NAME_BYTES = 255
_FILE_NAME = re.compile(r"[\w+=,@#%()\[\]{} .-]+")
_RESERVED_NAMES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{device}{n}" for device in ("com", "lpt") for n in range(1, 10)}
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\\]")


def check_file_name(value: object, field: str = "file name") -> str:
    """``value``, when it is one safe component of a path: no separator, not ``..``, not hidden, no option.

    Names that Windows reserves are refused too, so that a store can be copied anywhere.
    """
    name = check_text(value, field, _MAX_NAME_BYTES, controls="line")
    if not _FILE_NAME.fullmatch(name):
        raise InvalidArgument(f"{field} has a character that is not allowed in file names", field=field)
    if name[0] in ".- " or name[-1] in ". ":
        raise InvalidArgument(f"{field} must not begin with '.' or '-', nor end with '.'", field=field)
    if name.split(".")[0].lower() in _RESERVED_NAMES:
        raise InvalidArgument(f"{field} is a reserved name", field=field)
    return name


def check_argument(value: object, field: str, max_bytes: int = 4096) -> str:
    """``value``, when it may be one argument of a child process: one line, and not read as an option.

    The platform never starts a shell, so no other character means anything.
    """
    argument = check_text(value, field, max_bytes, controls="line")
    if argument.startswith("-"):
        raise InvalidArgument(f"{field} must not begin with '-'", field=field)
    return argument


def check_header_value(value: object, field: str, max_bytes: int = 8192) -> str:
    """``value``, when it may be the value of an HTTP header or of gRPC metadata: printable ASCII."""
    header = check_text(value, field, max_bytes, allow_empty=True, controls="line")
    if not header.isascii():
        raise InvalidArgument(f"{field} must be printable ASCII", field=field)
    return header


def escape_log(value: str) -> str:
    r"""``value`` on one line that no terminal obeys: control characters and backslashes become escapes."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), value)


def escape_like(value: str, escape: str = "\\") -> str:
    """``value`` as a literal inside a SQL LIKE pattern; the query says ``ESCAPE`` with the same character."""
    for special in (escape, "%", "_"):
        value = value.replace(special, escape + special)
    return value
