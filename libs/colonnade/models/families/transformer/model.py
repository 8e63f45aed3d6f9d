"""A dense causal decoder: the equations of Llama, and by configuration of Mistral, Qwen2 and Qwen3.

    x = embed(tokens)
    per layer:  x += attention(norm(x));  x += swiglu(norm(x))
    logits = norm(x) @ embed^T   (or a matrix of its own when not tied)

Llama (Touvron et al. 2023, arXiv:2302.13971): pre-norm RMSNorm, RoPE, SwiGLU, grouped queries, no biases.
Mistral (arXiv:2310.06825) adds a sliding window, Qwen2 (arXiv:2407.10671) biases on queries, keys and
values, Qwen3 (arXiv:2505.09388) norms on each head's queries and keys.

Shapes: B batch, T tokens, N tokens of all spans end to end, X either (B, T) or (N), D width, V vocabulary.
"""

import torch
from torch import Tensor, nn

from colonnade.errors import Unsupported
from colonnade.models.adapters import AdapterBank
from colonnade.models.decoding import AutoregressiveDecoder
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.names import stored_module
from colonnade.models.layers.attention import Attend, Attention, AttentionShape, CausalAttention, Stored
from colonnade.models.layers.chain import Chain
from colonnade.models.layers.feed_forward import SwiGLU
from colonnade.models.layers.norm import RMSNorm
from colonnade.models.layers.rope import RotaryEmbedding, Rotation
from colonnade.models.layers.tied import TiedLinear
from colonnade.models.protocol import Batch, Capability, EmbeddingSpec, Outputs, State, StateSpec

CAPABILITIES = frozenset(
    {
        Capability.GENERATE,
        Capability.LOGPROBS,
        Capability.SCORE,
        Capability.EMBED,
        Capability.PREFIX_SHARING,
        Capability.ADAPTERS,
        Capability.STRUCTURE,
    }
)


class Block(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.norm_epsilon)
        self.attention = Attention(
            AttentionShape(
                config.width,
                config.heads,
                config.kv_heads,
                config.head_width,
                config.qkv_bias,
                config.output_bias,
                config.norm_epsilon if config.qk_norm else None,
            )
        )
        self.feed_forward_norm = RMSNorm(config.width, config.norm_epsilon)
        self.feed_forward = SwiGLU(config.width, config.hidden, bias=config.feed_forward_bias)

    def forward(self, x_XD: Tensor, rotation: Rotation, attend: Attend) -> Tensor:
        x_XD = x_XD + self.attention(self.attention_norm(x_XD), rotation, attend)
        out: Tensor = x_XD + self.feed_forward(self.feed_forward_norm(x_XD))
        return out


class Transformer(nn.Module):
    """A ``LanguageModel``. ``forward`` serves; ``forward_full`` trains. Same modules, same weights."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        # The plain constructor draws weights, even on the meta device, where that takes seconds.
        blank = torch.empty(config.vocab_size, config.width)
        self.embedding: nn.Embedding = nn.Embedding.from_pretrained(blank, freeze=False)  # type: ignore[no-untyped-call]
        self.rope = RotaryEmbedding(config.head_width, config.rope_theta, config.rope_scaling)
        self.blocks = Chain(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.norm_epsilon)
        self.head = (
            TiedLinear(self.embedding)
            if config.tied
            else nn.Linear(config.width, config.vocab_size, bias=False)
        )
        self.states = tuple(
            StateSpec(f"layer.{i}", "paged_kv", (config.kv_heads, config.head_width), config.window(i))
            for i in range(config.layers)
        )
        self.adapters = AdapterBank(self, stored_module)
        self.capabilities = CAPABILITIES
        self.embedding_spec = EmbeddingSpec(config.width, "mean", "causal", config.context_length)
        self.page_multiple = 1
        if not blank.is_meta:
            self.reset_parameters()

    def forward(self, batch: Batch, state: State) -> Outputs:
        _refuse_extras(batch)
        with self.adapters.applied(batch):
            wanted_WD = self._hidden(batch, state)[batch.want_W]
        if batch.output == "hidden":
            return Outputs(wanted_WD.new_empty((len(wanted_WD), 0)), hidden_WD=self.norm(wanted_WD).float())
        return Outputs(self._logits(wanted_WD).float())

    def _hidden(self, batch: Batch, state: State) -> Tensor:
        x_ND: Tensor = self.embedding(batch.tokens_N)
        rotation = self.rope(batch.positions_N, x_ND.dtype)
        out: Tensor = self.blocks(x_ND, rotation, [Stored(state, spec.name) for spec in self.states])
        return out

    def forward_full(self, tokens_BT: Tensor) -> Tensor:
        """Logits (B, T, V) of whole sequences that start at position 0."""
        logits_BTV: Tensor = self.head(self.hidden_full(tokens_BT))
        return logits_BTV

    def hidden_full(self, tokens_BT: Tensor) -> Tensor:
        """The last hidden states (B, T, D), after the norm, of whole sequences that start at position 0."""
        length, device = tokens_BT.shape[1], tokens_BT.device
        x_BTD = self.embedding(tokens_BT)
        rotation = self.rope(torch.arange(length, device=device), x_BTD.dtype)
        attends = {spec.window: CausalAttention(length, spec.window, device) for spec in self.states}
        x_BTD = self.blocks(x_BTD, rotation, [attends[spec.window] for spec in self.states])
        out_BTD: Tensor = self.norm(x_BTD)
        return out_BTD

    @property
    def output_weight(self) -> Tensor:
        """The matrix (V, D) of the output layer, whoever owns it."""
        return (self.head.embedding if isinstance(self.head, TiedLinear) else self.head).weight

    def _logits(self, x_XD: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(x_XD))
        return logits

    def decoder(self) -> AutoregressiveDecoder:
        return AutoregressiveDecoder()

    def reset_parameters(self) -> None:
        """Normal(0, 0.02); what is added to the residual stream is scaled down by its depth (GPT-2)."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.dim() == 2:
                residual = name.endswith(("attention.output.weight", "feed_forward.down.weight"))
                deviation = 0.02 / (2 * self.config.layers) ** 0.5 if residual else 0.02
                nn.init.normal_(parameter, std=deviation)

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
        return self.norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.norm.weight.dtype


def _refuse_extras(batch: Batch) -> None:
    """What a caller asked for and this family would silently leave out."""
    for span in batch.spans:
        for field, value in (("depth", span.depth), ("extra", span.extra)):
            if value:
                raise Unsupported(f"a dense transformer takes no {field}", field=field)
