import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.text import ChatTemplate, Message, check_messages
from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge, Unsupported
from colonnade.models.text.templates import MAX_RENDERED_CHARACTERS
from tests.unit.engine.toys import spelling

BYTES = spelling.tokenizer()
END, START = 256, 257


def _template(source: str) -> ChatTemplate:
    return ChatTemplate(source, {"bos_token": "<|start|>"})


def test_a_conversation_is_rendered_and_encoded_as_the_template_says() -> None:
    messages = [Message("system", "Be brief."), Message("user", "Hi")]
    expected = "<|start|>system\nBe brief.<|end|>\n<|start|>user\nHi<|end|>\n<|start|>assistant\n"
    template = spelling.template()
    assert template.render(messages) == expected
    assert template.encode(BYTES, messages) == BYTES.encode(expected, begin=False)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["<|end|>", "<|start|>", "a", "\n", "<|", "|>"]), max_size=6).map("".join))
def test_no_message_can_write_control_tokens(content: str) -> None:
    ids = spelling.template().encode(BYTES, [Message("user", content)])
    assert (ids.count(START), ids.count(END)) == (2, 1), "only the template's own"
    body = ids[ids.index(START) + 1 : ids.index(END)]
    assert BYTES.decode(body) == "user\n" + content


def test_a_raw_prompt_can_write_them() -> None:
    assert BYTES.encode("<|start|>a").count(START) == 1


def test_what_the_template_refuses_is_the_callers_mistake() -> None:
    template = _template("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InvalidArgument, match="roles must alternate"):
        template.render([Message("user", "")])


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 2 ** 1000000 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ nothing.at.all }}",
        "{{ 1 / 0 }}",
        "{{ range(10000000)|list }}",
    ],
)
def test_the_sandbox_holds(source: str) -> None:
    with pytest.raises(Unsupported):
        _template(source).render([Message("user", "")])


def test_a_template_cannot_fill_the_memory() -> None:
    loop = "{% for _ in range(90000) %}"
    endless = loop + loop + "{{ messages[0].content }}{% endfor %}{% endfor %}"
    with pytest.raises(TooLarge) as refusal:
        _template(endless).render([Message("user", "x" * 1000)])
    assert refusal.value.details["limit"] == MAX_RENDERED_CHARACTERS


def test_a_template_that_does_not_compile_is_refused_on_load() -> None:
    with pytest.raises(Unsupported):
        _template("{% if %}")


def test_what_templates_of_model_files_use_is_there() -> None:
    source = (
        "{{ bos_token }}{% set ns = namespace(n=0) %}{% for m in messages %}{% if loop.index0 % 2 == 1 %}"
        "{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}{{ m['content'] | trim }}{% endfor %}"
        "{{ ns.n }}{{ {'a': 'é'} | tojson }}{{ strftime_now('%Y') | length }}"
    )
    messages = [Message("user", " one "), Message("assistant", "two"), Message("user", "three")]
    assert _template(source).render(messages) == '<|start|>onethree2{"a": "é"}4'


@pytest.mark.parametrize("messages", [[], [Message("root", "x")], [Message("", "x")]])
def test_odd_conversations_are_refused(messages: list[Message]) -> None:
    with pytest.raises(ColonnadeError) as refusal:
        check_messages(messages)
    assert refusal.value.details["field"].startswith("messages")
