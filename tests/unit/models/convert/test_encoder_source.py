import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoModel, BertTokenizerFast

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.models.artefact import DESCRIPTION, TOKENIZER, TOKENIZER_CONFIG
from colonnade.models.convert.command import convert
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.families import catalog
from colonnade.models.families.encoder import Encoder, EncoderConfig
from tests.unit.models import tiny_bert

POOLING = "1_Pooling/config.json"
EDIT = Callable[[Any], None]


def edit(path: Path, change: EDIT) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def sentence_folder(folder: Path, **more: Any) -> Path:
    return tiny_bert.as_sentence_encoder(tiny_bert.save(tiny_bert.make(), folder), **more)


def converted(source: Path, out: Path) -> Encoder:
    convert(source, out, lambda _: None)
    model = catalog.load({path.name: path for path in out.iterdir()})
    assert isinstance(model, Encoder)
    return model


def config_of(folder: Path) -> EncoderConfig:
    config = open_folder(folder).config
    assert isinstance(config, EncoderConfig)
    return config


@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM", "BertForPreTraining"])
def test_hidden_states_equal_those_of_transformers(tmp_path: Path, kind: str) -> None:
    theirs = tiny_bert.make(kind)
    ours = converted(tiny_bert.save(theirs, tmp_path / "in"), tmp_path / "out")
    body = theirs if kind == "BertModel" else theirs.bert
    again = AutoModel.from_pretrained(tmp_path / "out", add_pooling_layer=False).eval()
    tokens = torch.randint(0, 97, (2, 50))
    with torch.inference_mode():
        expected = body(tokens).last_hidden_state
        torch.testing.assert_close(ours.forward_full(tokens), expected, atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(again(tokens).last_hidden_state, expected, atol=0, rtol=0)


def test_the_description_says_what_it_is(tmp_path: Path) -> None:
    model = converted(sentence_folder(tmp_path / "in", max_tokens=20), tmp_path / "out")
    described = json.loads((tmp_path / "out" / DESCRIPTION).read_text())
    assert (described["family"], described["context_length"]) == ("encoder", 20)
    assert described["parameters"] == sum(p.numel() for p in model.parameters())
    assert described["source"]["format"] == "sentence_transformers"


@pytest.mark.parametrize(
    ("mode", "pooling"),
    [
        ({}, "mean"),
        ({"pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_lasttoken": True}, "last"),
    ],
    ids=["mean", "cls", "last"],
)
def test_pooling_and_length_are_its_makers(tmp_path: Path, mode: dict[str, bool], pooling: str) -> None:
    config = config_of(sentence_folder(tmp_path, max_tokens=33, **mode))
    assert (config.pooling, config.max_tokens, config.positions) == (pooling, 33, 64)


def test_newer_settings_name_the_pooling(tmp_path: Path) -> None:
    folder = sentence_folder(tmp_path)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "cls"}))
    assert config_of(folder).pooling == "cls"


def test_a_bare_model_takes_all_its_positions(tmp_path: Path) -> None:
    config = config_of(tiny_bert.save(tiny_bert.make(), tmp_path))
    assert (config.pooling, config.max_tokens) == ("mean", 64)


def test_what_we_wrote_comes_in_again_as_it_was(tmp_path: Path) -> None:
    first = converted(sentence_folder(tmp_path / "in", max_tokens=20), tmp_path / "one")
    assert converted(tmp_path / "one", tmp_path / "two").config == first.config


def test_the_digest_covers_both_files_of_one_name(tmp_path: Path) -> None:
    digests = set()
    for number, mode in enumerate(({}, {"pooling_mode_cls_token": True})):
        events: list[dict[str, Any]] = []
        source = sentence_folder(tmp_path / f"in{number}", **mode)
        convert(source, tmp_path / f"out{number}", lambda event: events.append(dict(event)))  # noqa: B023
        digests.add(events[-1]["source_digest"])
    assert len(digests) == 2


def test_a_vocabulary_file_stands_for_the_tokenizer(tmp_path: Path) -> None:
    folder = tiny_bert.save(tiny_bert.make(), tmp_path, fast=False)
    ours = Tokenizer.from_str(open_folder(folder).tokenizer.tokenizer)
    theirs = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True)

    @settings(max_examples=60, deadline=None)
    @given(text=st.text("the catsTRÉ 中,.![]é\n\t", max_size=40) | st.text(max_size=20))
    def same(text: str) -> None:
        assert ours.encode(text).ids == theirs(text)["input_ids"]

    same()
    assert ours.encode("[MASK] Cats sat").tokens == ["[CLS]", "[MASK]", "cat", "##s", "sat", "[SEP]"]


def test_case_may_matter(tmp_path: Path) -> None:
    folder = tiny_bert.save(tiny_bert.make(), tmp_path, fast=False)
    edit(folder / TOKENIZER_CONFIG, lambda config: config.update(do_lower_case=False))
    assert Tokenizer.from_str(open_folder(folder).tokenizer.tokenizer).encode("The").tokens[1] == "[UNK]"


def test_control_tokens_keep_their_names(tmp_path: Path) -> None:
    converted(sentence_folder(tmp_path / "in"), tmp_path / "out")
    named = json.loads((tmp_path / "out" / TOKENIZER_CONFIG).read_text())
    assert (named["cls_token"], named["sep_token"]) == ("[CLS]", "[SEP]")


def _dense(modules: list[Any]) -> None:
    modules.insert(2, {"path": "2_Dense", "type": "sentence_transformers.models.Dense"})


def _moved(modules: list[Any]) -> None:
    modules[0]["path"] = "0_Transformer"


def _outside(modules: list[Any]) -> None:
    modules[1]["path"] = "../1_Pooling"


REFUSED: dict[str, tuple[str, EDIT, str]] = {
    "another step": ("modules.json", _dense, "Dense"),
    "model elsewhere": ("modules.json", _moved, "folder itself"),
    "no pooling": ("modules.json", lambda m: m.pop(1), "not supported"),
    "a step without type": ("modules.json", lambda m: m[1].pop("type"), "type and a path"),
    "a path out of the folder": ("modules.json", _outside, "modules.json"),
    "pooling by the maximum": (POOLING, lambda c: c.update(pooling_mode_max_tokens=True), "one of"),
    "no way of pooling": (POOLING, lambda c: c.clear(), "one of"),
    "lower case": ("sentence_bert_config.json", lambda c: c.update(do_lower_case=True), "do_lower_case"),
    "no length": ("sentence_bert_config.json", lambda c: c.update(max_seq_length=0), "max_seq_length"),
    "too long": ("sentence_bert_config.json", lambda c: c.update(max_seq_length=65), "max_tokens"),
    "other places": ("config.json", lambda c: c.update(position_embedding_type="relative_key"), "position"),
    "another activation": ("config.json", lambda c: c.update(hidden_act="gelu_new"), "hidden_act"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_change_a_vector_is_refused(tmp_path: Path, name: str, change: EDIT, message: str) -> None:
    folder = sentence_folder(tmp_path)
    edit(folder / name, change)
    with pytest.raises(ColonnadeError, match=message):
        open_folder(folder)


def test_a_prompt_before_every_text_is_refused(tmp_path: Path) -> None:
    folder = sentence_folder(tmp_path)
    prompts = {"__version__": {}, "prompts": {"query": "query: "}, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    assert config_of(folder).pooling == "mean"
    edit(folder / "config_sentence_transformers.json", lambda c: c.update(default_prompt_name="query"))
    with pytest.raises(Unsupported, match="prompt"):
        open_folder(folder)


def test_a_list_must_be_one(tmp_path: Path) -> None:
    folder = sentence_folder(tmp_path)
    (folder / "modules.json").write_text('{"0": 1}')
    with pytest.raises(InvalidArgument, match="list of objects"):
        open_folder(folder)


@pytest.mark.parametrize("lost", ["[CLS]", "[SEP]", "[UNK]"])
def test_a_vocabulary_without_its_ends_is_refused(tmp_path: Path, lost: str) -> None:
    folder = tiny_bert.save(tiny_bert.make(), tmp_path, fast=False)
    text = (folder / "vocab.txt").read_text()
    (folder / "vocab.txt").write_text(text.replace(f"{lost}\n", "x\n"))
    with pytest.raises(InvalidArgument, match="lacks the"):
        open_folder(folder)


def test_a_folder_without_any_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = sentence_folder(tmp_path)
    for name in (TOKENIZER, "vocab.txt"):
        (folder / name).unlink()
    with pytest.raises(Unsupported, match=r"no tokenizer\.json"):
        open_folder(folder)
