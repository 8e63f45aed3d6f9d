"""Tools: what they may be, and their calls taken out of the answer's text."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, GenerationSpec
from colonnade.gateway.domain.limits import MAX_TOOLS, TOOLS_BYTES
from colonnade.gateway.domain.tools import Tool
from colonnade.gateway.service.calls import CallReader
from colonnade.gateway.service.pipeline import Stage
from colonnade.security.inputs import check_size, check_text

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class CallTools(Stage):
    """Stands above whoever screens the answer's text: calls are screened as the text that they are."""

    async def before(self, exchange: Exchange) -> None:
        """Raises ``InvalidArgument``, ``TooLarge`` or ``Unsupported`` naming the field."""
        spec = exchange.asked
        if spec.tools or spec.tool_choice.mode == "required":
            _check(spec)

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        return _called(chunks) if exchange.asked.offered else chunks


async def _called(chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
    readers: dict[int, CallReader] = {}
    async for chunk in chunks:
        reader = readers.setdefault(chunk.index, CallReader())
        text, calls = reader.push(chunk.text)
        finish = chunk.finish
        if finish is not None:
            text += reader.finish()
            if reader.calls and finish.reason == "stop":
                finish = replace(finish, reason="tool_calls")
        yield replace(chunk, text=text, calls=tuple(calls), finish=finish)


def _check(spec: GenerationSpec) -> None:
    if spec.messages is None:
        raise InvalidArgument("tools go with messages", field="tools")
    if len(spec.tools) > MAX_TOOLS:
        raise InvalidArgument(
            f"tools may hold at most {MAX_TOOLS}; {len(spec.tools)} were given",
            field="tools",
            limit=MAX_TOOLS,
        )
    for index, tool in enumerate(spec.tools):
        _check_tool(tool, f"tools[{index}].function")
    names = [tool.name for tool in spec.tools]
    if len(set(names)) < len(names):
        raise InvalidArgument("tools must have a name of its own each", field="tools")
    check_size(sum(map(_size, spec.tools)), TOOLS_BYTES, "tools")
    if spec.tool_choice.mode == "required" and not spec.callable:
        missing = f"the tool {spec.tool_choice.name}" if _NAME.fullmatch(spec.tool_choice.name) else "a tool"
        raise InvalidArgument(f"tool_choice asks for {missing}, which tools lacks", field="tool_choice")
    if spec.offered and spec.structure and (spec.structure.regex or spec.structure.grammar):
        raise Unsupported(
            "with tools the form of the text is a json_schema or json_object; leave one of the two out",
            field="structure",
        )


def _check_tool(tool: Tool, field: str) -> None:
    if not _NAME.fullmatch(tool.name):
        raise InvalidArgument(
            f"{field}.name must be letters, digits, '_' and '-', at most 64", field=f"{field}.name", limit=64
        )
    check_text(tool.description, f"{field}.description", TOOLS_BYTES, allow_empty=True)
    check_text(tool.parameters, f"{field}.parameters", TOOLS_BYTES, allow_empty=True)
    if tool.parameters and json.loads(tool.parameters).get("type", "object") != "object":
        raise InvalidArgument(
            f'{field}.parameters must be the schema of an object: {{"type": "object", ...}}',
            field=f"{field}.parameters",
            limit="object",
        )


def _size(tool: Tool) -> int:
    return len(tool.name.encode()) + len(tool.description.encode()) + len(tool.parameters.encode())
