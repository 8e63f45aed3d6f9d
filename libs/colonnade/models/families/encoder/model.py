"""A bidirectional encoder that turns a text into one vector: BERT's equations, MiniLM's weights.

    x = norm(word(tokens) + place(positions) + segment(0))
    per layer:  x = norm(x + attention(x));  x = norm(x + gelu_feed_forward(x))
    vector = normalise(pool(x))

BERT (Devlin et al. 2018, arXiv:1810.04805): post-norm layers, learnt positions, every token sees every other.
MiniLM (Wang et al. 2020, arXiv:2002.10957) is the same model, made small by distillation. Pooling all final
hidden states and comparing the unit vectors is Reimers and Gurevych 2019 (arXiv:1908.10084). Pooling is the
engine's part (``EmbeddingSpec``): the model yields the hidden states.

Shapes: B batch, T tokens, N tokens of all spans end to end, X either (B, T) or (N), D width, H heads, d head
width, V vocabulary.
"""

import torch
from torch import Tensor, nn

from colonnade.errors import Unsupported
from colonnade.models.families.encoder.config import EncoderConfig
from colonnade.models.layers.attention import Attend, Attention, AttentionShape, PaddedAttention, Stored
from colonnade.models.layers.gelu_feed_forward import GeluFeedForward
from colonnade.models.protocol import Batch, Capability, Decoder, EmbeddingSpec, Outputs, State, StateSpec

CAPABILITIES = frozenset({Capability.EMBED})


class Block(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        shape = AttentionShape(
            config.width, config.heads, config.heads, config.head_width, qkv_bias=True, output_bias=True
        )
        self.attention = Attention(shape)
        self.attention_norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.feed_forward = GeluFeedForward(config.width, config.hidden)
        self.feed_forward_norm = nn.LayerNorm(config.width, config.norm_epsilon)

    def forward(self, x_XD: Tensor, attend: Attend) -> Tensor:
        x_XD = self.attention_norm(x_XD + self.attention(x_XD, None, attend))
        out: Tensor = self.feed_forward_norm(x_XD + self.feed_forward(x_XD))
        return out


class Encoder(nn.Module):
    """A ``LanguageModel`` that only embeds. ``forward`` serves; ``forward_full`` takes padded batches."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.word = _embedding(config.vocab_size, config.width)
        self.place = _embedding(config.positions, config.width)
        self.segment = _embedding(config.token_types, config.width)
        self.norm = nn.LayerNorm(config.width, config.norm_epsilon)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.states = tuple(
            StateSpec(f"layer.{i}", "paged_kv", (config.heads, config.head_width), prefix_pure=False)
            for i in range(config.layers)
        )
        self.capabilities = CAPABILITIES
        self.embedding_spec = EmbeddingSpec(config.width, config.pooling, "bidirectional", config.max_tokens)
        self.page_multiple = 1
        if not self.word.weight.is_meta:
            self.reset_parameters()

    def forward(self, batch: Batch, state: State) -> Outputs:
        _refuse_extras(batch)
        x_ND = self._embedded(batch.tokens_N, batch.positions_N)
        for spec, block in zip(self.states, self.blocks, strict=True):
            x_ND = block(x_ND, Stored(state, spec.name))
        wanted_WD = x_ND[batch.want_W].float()
        return Outputs(wanted_WD.new_empty((len(wanted_WD), 0)), hidden_WD=wanted_WD)

    def forward_full(self, tokens_BT: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """Final hidden states (B, T, D) of whole texts; ``real_BT`` is False where a row is padded."""
        real_BT = torch.ones_like(tokens_BT, dtype=torch.bool) if real_BT is None else real_BT
        x_BTD = self._embedded(tokens_BT, torch.arange(tokens_BT.shape[1], device=tokens_BT.device))
        attend = PaddedAttention(real_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, attend)
        return x_BTD

    def _embedded(self, tokens_X: Tensor, positions_X: Tensor) -> Tensor:
        out: Tensor = self.norm(self.word(tokens_X) + self.place(positions_X) + self.segment.weight[0])
        return out

    def decoder(self) -> Decoder:
        raise Unsupported("an encoder embeds texts and does not generate any", capability="generate")

    def reset_parameters(self) -> None:
        """Normal(0, 0.02), as BERT."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    @property
    def vocab_size(self) -> int:
        return self.config.vocab_size

    @property
    def context_length(self) -> int:
        return self.config.context_length

    @property
    def memory_bytes(self) -> int:
        return sum(t.nbytes for t in (*self.parameters(), *self.buffers()))

    @property
    def device(self) -> torch.device:
        return self.word.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.word.weight.dtype


def _embedding(count: int, width: int) -> nn.Embedding:
    """The plain constructor draws weights, even on the meta device, where that takes seconds."""
    made: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(count, width), freeze=False)  # type: ignore[no-untyped-call]
    return made


def _refuse_extras(batch: Batch) -> None:
    """What a caller asked for and this family would silently leave out."""
    for span in batch.spans:
        for field, value in (("adapter", span.adapter), ("depth", span.depth), ("extra", span.extra)):
            if value:
                raise Unsupported(f"an encoder takes no {field}", field=field)
        if span.output != "hidden" or span.mask != "bidirectional" or span.start or span.commit:
            raise Unsupported(
                "an encoder takes whole texts, both ways, for their hidden states", field="mask"
            )
