"""Between text and tokens: encoding, chat templates, incremental decoding, stop strings."""

from colonnade.engine.text.chat import ChatTemplate, Message, check_messages
from colonnade.engine.text.detokenizer import Detokenizer
from colonnade.engine.text.stops import check_stops
from colonnade.engine.text.stream import Piece, TextStream
from colonnade.engine.text.tools import Tool, ToolCall
from colonnade.models.text import Tokenizer

__all__ = [
    "ChatTemplate",
    "Detokenizer",
    "Message",
    "Piece",
    "TextStream",
    "Tokenizer",
    "Tool",
    "ToolCall",
    "check_messages",
    "check_stops",
]
