"""The form that an answer is bound to."""

from colonnade.gateway.domain.generation import GenerationSpec
from colonnade.gateway.service.guard.json_text import Form


def form_of(spec: GenerationSpec) -> Form:
    wanted = spec.structure
    bound = wanted is not None and bool(wanted.json_schema or wanted.json_object)
    fixed = wanted is not None and bool(wanted.regex or wanted.grammar)
    return Form(json=bound, calls=bool(spec.offered), fixed=fixed)
