"""Answers of a given form: a JSON Schema, a regular expression, a Lark grammar, any JSON object, or
calls of tools.

``llguidance`` turns a form into a parser over the model's own tokens. Before each draw it says which tokens
may follow; all others are barred. The model's end token is one of those that may follow wherever the text is
complete, and only there. ``max_tokens`` still ends an answer, complete or not.

A form is compiled once (``Grammars`` keeps the latest), in the thread that encodes the request; a request has
a ``Matcher`` of its own, whose state is a function of the tokens of its answer.
"""

from colonnade.engine.structure.calls import Calls, Signature
from colonnade.engine.structure.form import Form, Structure
from colonnade.engine.structure.grammars import Grammar, Grammars
from colonnade.engine.structure.matcher import Matcher

__all__ = ["Calls", "Form", "Grammar", "Grammars", "Matcher", "Signature", "Structure"]
