"""Functions that an answer may call, and the calls that it makes."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the answer may call."""

    name: str
    description: str = ""
    parameters: str = ""
    """A JSON Schema of its arguments, an object, as JSON text; empty: it takes none."""


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools may be called, must be, or must not be."""

    mode: Mode = "auto"
    name: str = ""
    """The only tool that may be called; it must be, with ``required``."""
    many: bool = True
    """Whether one answer may make several calls."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that an assistant's message made."""

    id: str
    name: str
    arguments: str
    """A JSON object, as JSON text."""


@dataclass(frozen=True, slots=True)
class CallPart:
    """A piece of a call in an answer under way: the first piece names the tool, all add to the arguments."""

    call: int
    """Which of the answer's calls, from 0."""
    arguments: str = ""
    id: str = ""
    name: str = ""
