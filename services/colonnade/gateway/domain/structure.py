"""The form that an answer must have."""

from dataclasses import dataclass

FORMS = ("json_schema", "regex", "grammar", "json_object")


@dataclass(frozen=True, slots=True)
class Structure:
    """Exactly one of its fields is given."""

    json_schema: str | None = None
    """As JSON text."""
    regex: str | None = None
    grammar: str | None = None
    """In Lark's syntax."""
    json_object: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the fields that are."""
        return tuple(form for form in FORMS if getattr(self, form) not in (None, False))
