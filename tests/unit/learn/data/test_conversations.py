"""Conversations become tokens as the engine would make them, and only answers are learnt."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.text import Message
from colonnade.errors import InvalidArgument, Unsupported
from colonnade.learn.data.batches import Sample
from colonnade.learn.data.chat_format import ChatFormat, Turn
from colonnade.learn.data.conversations import LineSettings, read_conversations
from colonnade.learn.data.lengths import LengthLoader, LengthSettings
from colonnade.models.text import Template, Tokenizer
from tests.unit.engine.toys import spelling

END, START = 256, 257
BYTES = Tokenizer(spelling.definition())
CHAT = ChatFormat(BYTES, Template(spelling.TEMPLATE, {}), end=END)
PLAIN = ChatFormat(BYTES, None, end=END)

texts = st.lists(
    st.sampled_from(["<|end|>", "<|start|>", "ab", "\n", " ", "é", "assistant"]), max_size=5
).map("".join)
turns = st.lists(
    st.builds(Turn, st.sampled_from(["user", "assistant", "system"]), texts, st.booleans()), max_size=8
)


def learnt(sample: Sample) -> str:
    return BYTES.spell(sample.tokens[sample.learnt].tolist())


def lines(path: Path, *written: Any) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in written))


def read(folder: Path, chat: ChatFormat = CHAT, **said: Any) -> tuple[list[Sample], dict[str, int]]:
    usual: dict[str, Any] = {"name": "chat", "paths": (str(folder / "*.jsonl"),), "longest": 200}
    found = read_conversations(LineSettings(**usual | said), chat)
    return [found.samples.sample(number) for number in range(found.samples.places.size)], dict(found.dropped)


def test_only_answers_and_their_ends_are_learnt() -> None:
    sample = CHAT.conversation(
        [
            Turn("system", "Be brief."), Turn("user", "1+1?"), Turn("assistant", "2"),
            Turn("user", "sure?"), Turn("assistant", "Yes."), Turn("user", "thanks"),
        ]
    )  # fmt: skip
    assert BYTES.spell(sample.tokens.tolist()) == (
        "<|start|>system\nBe brief.<|end|>\n<|start|>user\n1+1?<|end|>\n<|start|>assistant\n2<|end|>\n"
        "<|start|>user\nsure?<|end|>\n<|start|>assistant\nYes.<|end|>\n"
    )
    assert learnt(sample) == "2<|end|>Yes.<|end|>"


@settings(deadline=None, max_examples=60)
@given(turns=turns)
def test_what_stands_before_an_answer_is_what_the_engine_asks_with(turns: list[Turn]) -> None:
    answers = [at for at, turn in enumerate(turns) if turn.role == "assistant" and at]
    if not answers:
        with pytest.raises(InvalidArgument, match="no message of the assistant follows"):
            CHAT.conversation(turns)
        return
    sample = CHAT.conversation(turns)
    messages = [Message(turn.role, turn.content) for turn in turns]
    expected = [False] * sample.tokens.size
    for at in answers:
        asked = spelling.template().encode(BYTES, messages[:at])
        assert sample.tokens[: len(asked)].tolist() == asked
        said = [*BYTES.encode_plain(turns[at].content), END]
        assert sample.tokens[len(asked) : len(asked) + len(said)].tolist() == said
        expected[len(asked) : len(asked) + len(said)] = [turns[at].learnt] * len(said)
    assert sample.learnt.tolist() == expected


def test_a_template_that_rewrites_what_was_said_is_refused() -> None:
    forgets = "{% for m in messages %}{{ m.content if loop.last or m.role == 'user' else '-' }};{% endfor %}"
    hints = "{% for m in messages %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}go{% endif %}"
    said = [Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d")]
    for source in (forgets, hints):
        with pytest.raises(Unsupported, match="chat template writes an answer otherwise"):
            ChatFormat(BYTES, Template(source, {}), end=END).conversation(said)


def test_without_a_template_an_answer_follows_its_prompt() -> None:
    sample = PLAIN.answered("1+1=", "2<|end|>")
    assert BYTES.spell(sample.tokens.tolist()) == "1+1=2<|end|><|end|>"
    assert sample.tokens.tolist().count(END) == 1
    assert learnt(sample) == "2<|end|><|end|>"
    with pytest.raises(Unsupported, match="no chat template"):
        PLAIN.conversation([Turn("user", "a"), Turn("assistant", "b")])


def test_files_are_read_in_order(tmp_path: Path) -> None:
    lines(tmp_path / "b.jsonl", {"prompt": "3?", "answer": "c"})
    messages = [{"role": "user", "content": "1?"}, {"role": "assistant", "content": "a", "weight": 0}]
    more = [{"role": "user", "content": "2?"}, {"role": "assistant", "content": "b"}]
    lines(tmp_path / "a.jsonl", {"messages": messages + more, "id": 7})
    samples, dropped = read(tmp_path)
    assert [learnt(sample) for sample in samples] == ["b<|end|>", "c<|end|>"]
    assert dropped == {}
    assert samples[0].tokens.dtype.name == "int64"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"text": "a"}, "an example has messages, or prompt and answer"),
        ({"prompt": "a"}, "answer must be a text"),
        ({"messages": []}, "messages must be a list"),
        ({"messages": ["a"]}, r"messages\[0\] must be an object"),
        ({"messages": [{"role": "bot", "content": ""}]}, r"messages\[0\].role must be one of system, user"),
        ({"messages": [{"role": "user", "content": None}]}, r"messages\[0\].content must be a text"),
        ({"messages": [{"role": "user", "content": "a", "tool_calls": []}]}, "tool_calls is not known here"),
        ({"messages": [{"role": "user", "content": "a", "weight": 0.5}]}, "weight must be 0 or 1"),
        ({"messages": [{"role": "user", "content": "a"}]}, "no message of the assistant follows"),
        ([1], "line must be"),
    ],
)
def test_a_line_that_is_no_example_is_refused_or_left_out(tmp_path: Path, line: Any, what: str) -> None:
    lines(tmp_path / "a.jsonl", {"prompt": "1?", "answer": "a"}, line)
    with pytest.raises(InvalidArgument, match=f"source chat: a.jsonl, line 2: .*{what}"):
        read(tmp_path)
    samples, dropped = read(tmp_path, malformed="drop")
    assert (len(samples), dropped) == (1, {"malformed": 1})


def test_long_examples_are_left_out_cut_or_refused(tmp_path: Path) -> None:
    lines(
        tmp_path / "a.jsonl",
        {"prompt": "1", "answer": "a"},
        {"prompt": "1", "answer": "a" * 90},
        {"prompt": "1" * 90, "answer": "a"},
    )
    samples, dropped = read(tmp_path, longest=60)
    assert (len(samples), dropped) == (1, {"too_long": 2})
    samples, dropped = read(tmp_path, longest=60, too_long="cut")
    assert [sample.tokens.size for sample in samples] == [samples[0].tokens.size, 60]
    assert set(learnt(samples[1])) == {"a"}
    assert dropped == {"too_long": 1}
    with pytest.raises(InvalidArgument, match=r"line 2: the example has \d+ tokens, the limit is 60"):
        read(tmp_path, longest=60, too_long="refuse")


def test_a_model_folder_says_how_it_chats(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(spelling.definition())
    (tmp_path / "tokenizer_config.json").write_text(spelling.tokenizer_config())
    chat = ChatFormat.of(tmp_path, 300)
    said = [Turn("user", "a"), Turn("assistant", "b")]
    assert chat.conversation(said).tokens.tolist() == CHAT.conversation(said).tokens.tolist()
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(InvalidArgument, match="names no eos_token"):
        ChatFormat.of(tmp_path, 300)


def test_conversations_make_batches(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", *({"prompt": "p" * n, "answer": "a" * n} for n in range(1, 30)))
    settings = LineSettings(name="chat", paths=(str(tmp_path / "a.jsonl"),), longest=200)
    found = read_conversations(settings, CHAT)
    loader = LengthLoader({"chat": found.samples}, LengthSettings(400), pad=END, seed=1)
    answers = []
    step = 0
    while loader.epoch(step) < 1:
        batch = loader.batch(step)
        assert batch.tokens_BT.numel() <= 400
        answers += [BYTES.spell(row[row >= 0].tolist()) for row in batch.targets_BT]
        step += 1
    assert sorted(answers) == sorted("a" * n + "<|end|>" for n in range(1, 30))
