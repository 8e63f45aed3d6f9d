import hashlib
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound, TooLarge
from colonnade.learn.checkpoints.shard import DTYPES, FileFacts, read_shard, shards, write_shard
from tests.unit.learn.checkpoints.making import same_tensors


def test_the_library_reads_what_was_written(tmp_path: Path) -> None:
    tensors = {
        "b": torch.randn(3, 5),
        "a": torch.arange(7),
        "zero": torch.zeros(0, 2),
        "one": torch.tensor(2.5),
    }
    facts = write_shard(tmp_path / "x.safetensors", tensors)
    data = (tmp_path / "x.safetensors").read_bytes()
    assert facts == FileFacts(len(data), hashlib.sha256(data).hexdigest())
    found = load_file(tmp_path / "x.safetensors")
    assert same_tensors({name: found[name] for name in tensors}, tensors)


def test_every_tensor_lies_aligned(tmp_path: Path) -> None:
    for length in range(1, 70):
        path = tmp_path / f"{length}.safetensors"
        tensors = {
            "n" * length: torch.ones(3, dtype=torch.bool),
            "half": torch.ones(5, dtype=torch.float16),
            "double": torch.ones(1, dtype=torch.float64),
            "single": torch.ones(3),
        }
        write_shard(path, tensors)
        content = path.read_bytes()
        end = 8 + int.from_bytes(content[:8], "little")
        assert end % 64 == 0
        for name, said in json.loads(content[8:end]).items():
            assert (end + said["data_offsets"][0]) % tensors[name].element_size() == 0


def test_a_tensor_of_many_pieces(tmp_path: Path) -> None:
    large = {"large": torch.arange(5_000_000, dtype=torch.int32)}
    facts = write_shard(tmp_path / "x", large)
    assert same_tensors(read_shard(tmp_path / "x", facts), large)


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(FileExistsError):
        write_shard(tmp_path / "x", {})


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_bits_of_every_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    """NaNs with a payload, denormals and negative zeros among them."""
    generator = torch.Generator().manual_seed(1)
    raw = torch.randint(0, 2 if dtype == torch.bool else 256, (4096,), generator=generator, dtype=torch.uint8)
    tensors = {"a": raw.view(dtype)}
    assert same_tensors(read_shard(tmp_path / "x", write_shard(tmp_path / "x", tensors)), tensors)


def test_what_was_read_can_be_written_to(tmp_path: Path) -> None:
    facts = write_shard(tmp_path / "x", {"a": torch.zeros(3)})
    read_shard(tmp_path / "x", facts)["a"].add_(1)
    assert read_shard(tmp_path / "x", facts)["a"].tolist() == [0, 0, 0]


@given(st.data())
def test_every_changed_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("bits") / "x"
    facts = write_shard(path, {"a": torch.arange(9)})
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match="its digest differs"):
        read_shard(path, facts)


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", InvalidArgument), (b"short", InvalidArgument), (b"l" * 10_000, TooLarge), (None, NotFound)],
)
def test_another_length_is_noticed(
    tmp_path: Path, content: bytes | None, error: type[ColonnadeError]
) -> None:
    facts = write_shard(tmp_path / "x", {"a": torch.ones(3)})
    (tmp_path / "x").unlink()
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(error):
        read_shard(tmp_path / "x", facts)


def test_what_has_its_digest_and_is_no_safetensors_file(tmp_path: Path) -> None:
    content = b"not a header at all"
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InvalidArgument, match="not a safetensors file"):
        read_shard(tmp_path / "x", FileFacts(len(content), hashlib.sha256(content).hexdigest()))


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(1, 100))
def test_parts_hold_all_in_order_and_within_the_limit(sizes: list[int], most: int) -> None:
    tensors = {str(number): torch.zeros(size, dtype=torch.uint8) for number, size in enumerate(sizes)}
    parts = list(shards(tensors, most))
    assert [name for part in parts for name in part] == list(tensors)
    for part in parts:
        assert part
        assert len(part) == 1 or sum(value.nbytes for value in part.values()) <= most
