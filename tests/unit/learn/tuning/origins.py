"""Small model folders to start from, and recipes that do."""

import json
from pathlib import Path
from typing import Any

from colonnade.learn.recipe import Recipe
from colonnade.learn.recipe.reading import parse_recipe
from tests.unit.learn.recipes import recipe
from tests.unit.models import tiny_hf

TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
LORA: dict[str, Any] = {"kind": "lora", "rank": 4, "alpha": 8}


def model_folder(folder: Path, kind: str = "Llama", **more: Any) -> Path:
    return tiny_hf.save(tiny_hf.make(kind, tie_word_embeddings=True), folder, **more)


def chat_folder(folder: Path) -> Path:
    """Whose template writes each message as a line that ends with </s>."""
    said = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}
    (model_folder(folder) / "tokenizer_config.json").write_text(json.dumps(said))
    return folder


def chats(path: Path, count: int = 120) -> Path:
    """Conversations with something to be learnt: who is asked for is what is answered."""
    with path.open("w") as file:
        for number in range(count):
            asked = f"who sat on mat {number}?"
            if number % 3:
                line: dict[str, Any] = {"prompt": asked, "answer": "the cat sat."}
            else:
                said = [{"role": "user", "content": asked}, {"role": "assistant", "content": "the cat sat."}]
                line = {"messages": said}
            file.write(json.dumps(line) + "\n")
    return path


def pairs(path: Path, count: int = 80) -> Path:
    """Pairs in which the cat is preferred; two to each question."""
    with path.open("w") as file:
        for number in range(count):
            for more in ("", " and sat"):
                line = {
                    "prompt": f"who is {number}?",
                    "chosen": f"the cat sat{more}.",
                    "rejected": f"a dog{more} on the log.",
                }
                file.write(json.dumps(line) + "\n")
    return path


def from_examples(path: Path, folder: Path, kind: str = "conversations", **changes: Any) -> Recipe:
    """That of ``recipe``, but from the model in ``folder``, on examples."""
    examples = {
        "kind": kind,
        "sources": [{"name": "examples", "paths": [str(path)], "longest": 64}],
        "validation": 0.2,
    } | changes.pop("examples", {})
    batch = {"tokens": 64, "rows": 8, "accumulate": 2} | changes.pop("batch", {})
    start = {"data": None, "model": {"preset": None, "from": str(folder)}}
    return recipe(path, **start, examples=examples, batch=batch, **changes)


def from_model(stories: Path, folder: Path, tokenizer: Any = None, **changes: Any) -> Recipe:
    """That of ``recipe``, but from the model in ``folder``, with its tokenizer or ``tokenizer``."""
    model = {"preset": None, "from": str(folder)} | changes.pop("model", {})
    made = recipe(stories, model=model, data={"tokenizer": None}, **changes)
    said = made.model_dump(mode="json", by_alias=True)
    said["data"]["tokenizer"] = tokenizer
    return parse_recipe(json.dumps(said))
