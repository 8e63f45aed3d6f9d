"""The repository has Triton's layout, and its config.pbtxt says of the graph's tensors what is so."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import AlreadyExists, ColonnadeError, Conflict, InvalidArgument, NotFound
from colonnade.learn.export import triton
from colonnade.learn.export.triton import export_triton, triton_config
from colonnade.models.families.transformer.config import TransformerConfig
from tests.unit.learn.export.models import config, write_model

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCHEMA: dict[str, dict[str, tuple[int, Any, bool]]] = {
    "ModelInput": {
        "name": (1, _FIELD.TYPE_STRING, False),
        "data_type": (2, "DataType", False),
        "dims": (4, _FIELD.TYPE_INT64, True),
        "optional": (8, _FIELD.TYPE_BOOL, False),
    },
    "ModelOutput": {
        "name": (1, _FIELD.TYPE_STRING, False),
        "data_type": (2, "DataType", False),
        "dims": (3, _FIELD.TYPE_INT64, True),
    },
    "ModelDynamicBatching": {
        "preferred_batch_size": (1, _FIELD.TYPE_INT32, True),
        "max_queue_delay_microseconds": (2, _FIELD.TYPE_UINT64, False),
    },
    "Latest": {"num_versions": (1, _FIELD.TYPE_UINT32, False)},
    "ModelVersionPolicy": {"latest": (1, "Latest", False)},
    "ModelConfig": {
        "name": (1, _FIELD.TYPE_STRING, False),
        "platform": (2, _FIELD.TYPE_STRING, False),
        "version_policy": (3, "ModelVersionPolicy", False),
        "max_batch_size": (4, _FIELD.TYPE_INT32, False),
        "input": (5, "ModelInput", True),
        "output": (6, "ModelOutput", True),
        "default_model_filename": (8, _FIELD.TYPE_STRING, False),
        "dynamic_batching": (11, "ModelDynamicBatching", False),
        "backend": (17, _FIELD.TYPE_STRING, False),
    },
}
"""Of Triton's documented ModelConfig (protobuf/model_config.proto) what a model of tensors may say: field,
number, type, whether it is repeated. Text with any other field does not parse."""
_TYPES = {"TYPE_INVALID": 0, "TYPE_INT64": 9, "TYPE_FP16": 10, "TYPE_FP32": 11}


def _model_config() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference", syntax="proto3")
    kinds = file.enum_type.add(name="DataType")
    for name, number in _TYPES.items():
        kinds.value.add(name=name, number=number)
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type = _FIELD.TYPE_ENUM if kind == "DataType" else _FIELD.TYPE_MESSAGE
                added.type_name = f".inference.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))


_MODEL_CONFIG = _model_config()


def parsed(text: str) -> Any:
    return text_format.Parse(text, _MODEL_CONFIG())


def test_the_parser_takes_no_other_fields() -> None:
    with pytest.raises(text_format.ParseError):
        parsed('name: "x" max_rows: 3')


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 64), st.integers(2, 500))
def test_the_config_says_what_the_tensors_are(layers: int, groups: int, rows: int, vocabulary: int) -> None:
    made = config(layers=layers, heads=6, kv_heads=groups, vocab_size=vocabulary)
    said = parsed(triton_config(made, "tiny-1.5", rows))
    assert (said.name, said.backend, said.platform) == ("tiny-1.5", "onnxruntime", "")
    assert (said.default_model_filename, said.max_batch_size) == ("model.onnx", rows)
    assert said.dynamic_batching.max_queue_delay_microseconds == 1000
    assert said.version_policy.latest.num_versions == 1
    tensors = {each.name: (each.data_type, list(each.dims)) for each in (*said.input, *said.output)}
    assert len(tensors) == 3 + 4 * layers == len(said.input) + len(said.output)
    assert tensors["input_ids"] == tensors["attention_mask"] == (_TYPES["TYPE_INT64"], [-1])
    assert tensors["logits"] == (_TYPES["TYPE_FP32"], [-1, vocabulary])
    cached = (_TYPES["TYPE_FP32"], [groups, -1, made.head_width])
    for layer in range(layers):
        for kind in ("key", "value"):
            assert tensors[f"past_key_values.{layer}.{kind}"] == cached == tensors[f"present.{layer}.{kind}"]


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[TransformerConfig]:
    """What graphs were written of; a graph is a line here, since each takes ten seconds."""
    written: list[TransformerConfig] = []

    def write(model: Any, path: Path) -> None:
        written.append(model.config)
        path.write_text("a graph")

    monkeypatch.setattr(triton, "write_graph", write)
    return written


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_versions_join_a_model(tmp_path: Path, graphs: list[TransformerConfig]) -> None:
    model, repository = write_model(config(), tmp_path / "model"), tmp_path / "repository"
    texts = ("config", "generation_config", "tokenizer", "tokenizer_config")
    version = {"model.onnx", *(f"tokenizer/{each}.json" for each in texts)}
    export_triton(model, repository, "tiny", rows=4)
    assert files(repository) == {"tiny/config.pbtxt"} | {f"tiny/1/{each}" for each in version}
    assert parsed((repository / "tiny" / "config.pbtxt").read_text()).max_batch_size == 4
    export_triton(model, repository, "tiny", version=2, rows=4)
    export_triton(model, repository, "other")
    assert {path.name for path in (repository / "tiny").iterdir()} == {"config.pbtxt", "1", "2"}
    assert {path.name for path in repository.iterdir()} == {"tiny", "other"}
    before = files(repository)
    with pytest.raises(AlreadyExists):
        export_triton(model, repository, "tiny", version=2, rows=4)
    with pytest.raises(Conflict, match=r"config\.pbtxt"):
        export_triton(model, repository, "tiny", version=3, rows=5)
    with pytest.raises(Conflict):
        export_triton(
            write_model(config(kv_heads=1), tmp_path / "unlike"), repository, "tiny", version=3, rows=4
        )
    assert files(repository) == before
    assert len(graphs) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "../up"}, "name"),
        ({"name": 'a" backend: "python'}, "name"),
        ({"version": 0}, "version"),
        ({"rows": 0}, "rows"),
        ({"model": Path("none")}, "model"),
    ],
)
def test_what_is_wrong_is_refused_by_field(
    tmp_path: Path, graphs: list[TransformerConfig], changes: dict[str, Any], field: str
) -> None:
    given: dict[str, Any] = {
        "model": write_model(config(), tmp_path / "model"), "repository": tmp_path / "out", "name": "tiny",
    } | changes  # fmt: skip
    with pytest.raises(ColonnadeError) as refused:
        export_triton(**given)
    assert isinstance(refused.value, InvalidArgument | NotFound)
    assert refused.value.details["field"] == field
    assert not (tmp_path / "out").exists()
    assert not graphs
