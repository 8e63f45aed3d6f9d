"""How a peer is built for this machine: ``python -m evidence.performance.peers`` prints llama.cpp's options.

Every instruction that the processor has is turned on, AMX aside: with it, this version crashed.
"""

from collections.abc import Collection

from evidence.performance.machine import flags

_OPTIONS = {
    "GGML_AVX": "avx",
    "GGML_AVX2": "avx2",
    "GGML_FMA": "fma",
    "GGML_F16C": "f16c",
    "GGML_BMI2": "bmi2",
    "GGML_AVX512": "avx512f",
    "GGML_AVX512_VBMI": "avx512_vbmi",
    "GGML_AVX512_VNNI": "avx512_vnni",
    "GGML_AVX512_BF16": "avx512_bf16",
    "GGML_AVX_VNNI": "avx_vnni",
}
"""By the name of the instruction in Linux's list."""
_NEVER = ("GGML_NATIVE", "GGML_AMX_INT8", "GGML_AMX_TILE", "GGML_AMX_BF16")
_NOT_NEEDED = (
    "LLAMA_BUILD_TESTS",
    "LLAMA_BUILD_EXAMPLES",
    "LLAMA_BUILD_TOOLS",
    "LLAMA_BUILD_SERVER",
    "LLAVA_BUILD",
)


def cmake_options(have: Collection[str]) -> str:
    """For a processor with these instructions."""
    states = {option: flag in have for option, flag in _OPTIONS.items()}
    states |= dict.fromkeys((*_NEVER, *_NOT_NEEDED), False)
    return " ".join(f"-D{option}={'ON' if on else 'OFF'}" for option, on in states.items())


if __name__ == "__main__":
    print(cmake_options(flags()))  # noqa: T201 - read by the Makefile
