"""What everybody may know of where a version came from."""

import pytest

from colonnade.registry.domain import source_name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("bundled:smollm2-135m-instruct", "bundled:smollm2-135m-instruct"),
        ("/home/ann/secret/qwen.gguf", "qwen.gguf"),
        ("/home/ann/models/qwen/", "qwen"),
        ("/home/ann/what?/q#1.gguf", "q#1.gguf"),
        ("https://models.example.com/1/qwen.gguf?X-Amz-Signature=abc/def", "qwen.gguf"),
        ("https://models.example.com/index.json#key", "index.json"),
        ("upload:qwen:3", "upload:qwen:3"),
    ],
)
def test_neither_folder_nor_address_nor_what_lets_in(source: str, name: str) -> None:
    assert source_name(source) == name
