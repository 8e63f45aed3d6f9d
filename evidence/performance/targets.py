"""The lines that figures are judged by, drawn before any run.

A figure that falls short is reported, and these numbers stay where they are.
"""

ONE_STREAM_TO_LLAMA_CPP = 1.0
"""Packed int4 beside llama.cpp on the same four-bit blocks."""
BF16_OF_LIMIT = 0.70
"""Bytes of weights over the bandwidth of a matrix-vector product of the same shapes in bfloat16."""
BATCH_TO_BEST_PEER = 1.5
"""At 8 and at 32 streams, beside the best of all peers."""
PREFILL_TO_BEST_PEER = 1.0
PREFIX_PROPORTION = 0.10
"""How far the time to the first token may lie from (1 - shared part) of the time without sharing, as a part
of that."""
SPECULATION_OF_FORMULA = 0.85
"""Of the speed-up that acceptance and costs predict."""
MIXED_LOAD_MORE, MIXED_LOAD_P99 = 0.0, 1.0
"""Goodput, ours less the peer's, in tokens a second; the peer's p99 over ours."""
CACHE_WASTE = 0.04
"""Of the positions held, those that hold nothing."""
GROWTH_BYTES = 8 << 20
"""Over 10,000 requests: what an allocator's rest may come to. A page leaked by each would be ten times it."""
GATEWAY_TO_LITELLM = 0.2
"""Of the processor time of LiteLLM's proxy, a request and a streamed token."""
SEMANTIC_HIT_ADDED_MS = 1.0
"""What a semantic hit takes beyond the embedding of its question."""
GATEWAY_ADDED_MS = 2.0
"""What the gateway adds to the median time until an answer begins, at 32 clients."""
CANCEL_MS = 250.0
"""From a client's leaving to the engine's being told, p99."""
OVERLOAD_GOODPUT, REFUSAL_MS = 0.9, 50.0
"""At fifty times the rate that can be served: of the goodput at that rate; until a refusal, p99."""
RESOLVE_MS, SEARCH_MS = 20.0, 300.0
"""With a million versions in PostgreSQL: until an alias is resolved, p99; until a search has a page, p95."""
MEMORY_RECALL, MEMORY_SEARCH_MS = 0.95, 200.0
"""Of the ten nearest vectors; until a search by words and meaning has its answer, p99, whatever the size."""
RAY_TO_BARE = 0.95
"""Tokens a second of streams from a Ray replica, beside those from the bare engine process."""
LEARNING_TO_BEST_PEER = 1.0
"""Tokens a second of training, beside the faster of Hugging Face's loop and LitGPT."""
LEARNING_MEMORY_TO_LEANEST_PEER = 1.0
"""The most memory that a training process held, beside the leaner of the two."""
PIPELINE_MIB = 1024.0
"""Of all processes together that make a token set, however large the corpus."""
INT8_PERPLEXITY, INT4_PERPLEXITY = 1.01, 1.05
"""Of a model that was trained in float32, over its perplexity there."""
TAUGHT_TO_ALONE = 1.0
"""Perplexity of a pruned model after a teacher, over that after as many steps on the text alone."""
ONNX_LOGITS, ONNX_SAME = 1e-3, 0.999
"""The largest difference of a logit (of up to some thirty); the share of places with the same best token."""
