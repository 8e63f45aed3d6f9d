"""A byte-level BPE from text (Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019)."""

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

from colonnade.learn.data.rule_settings import FillInMiddleSettings
from colonnade.learn.data.tokenizer_settings import TrainedTokenizerSettings
from colonnade.learn.data.tokenizing.files import TokenizerFiles, byte_level, described

CHAT = ("<|im_start|>", "<|im_end|>")
_MIDDLE = FillInMiddleSettings()
FILL_IN_MIDDLE = (_MIDDLE.prefix, _MIDDLE.middle, _MIDDLE.suffix)


def special_tokens(settings: TrainedTokenizerSettings) -> tuple[str, ...]:
    """They have the first numbers, in this order."""
    chat = CHAT if settings.chat else ()
    return (settings.end_of_text, *chat, *(FILL_IN_MIDDLE if settings.fill_in_middle else ()))


def train(settings: TrainedTokenizerSettings, texts: Iterable[str]) -> TokenizerFiles:
    """The same texts in the same order give the same tokenizer, on any number of threads.

    It knows all 256 bytes, so no text is unknown to it; it has fewer tokens than asked for where the texts
    have no more pairs to merge. Memory grows with the number of different words in the texts.
    """
    special = special_tokens(settings)
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        min_frequency=settings.smallest_count,
        show_progress=False,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer = byte_level(Tokenizer(models.BPE()))
    tokenizer.train_from_iterator(texts, trainer)
    return TokenizerFiles(tokenizer.to_str(pretty=True), described(settings.end_of_text))
