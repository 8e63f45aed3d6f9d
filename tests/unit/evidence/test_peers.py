from evidence.performance.machine import describe
from evidence.performance.peers import cmake_options


def test_what_the_processor_has_is_on_and_the_rest_is_off() -> None:
    options = cmake_options({"avx2", "fma", "f16c", "amx_int8", "amx_tile"}).split()
    assert "-DGGML_AVX2=ON" in options
    assert "-DGGML_AVX512=OFF" in options


def test_amx_is_never_on() -> None:
    """It crashed where it was."""
    options = cmake_options({"avx2", "avx512f", "amx_int8", "amx_tile", "amx_bf16"}).split()
    assert {option for option in options if "AMX" in option} == {
        "-DGGML_AMX_INT8=OFF", "-DGGML_AMX_TILE=OFF", "-DGGML_AMX_BF16=OFF",
    }  # fmt: skip


def test_the_machine_is_described_without_its_name() -> None:
    described = describe(threads=2)
    assert described["threads"] == 2
    assert described["torch"]
    assert not {"node", "host", "hostname"} & described.keys()
