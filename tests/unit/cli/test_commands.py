"""Every command that talks to the platform: what it asks, what it prints, how it fails."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.stub import KEY, Answer, Stub, error, final, words

Run = Callable[..., Any]


def test_generate_streams_the_answer(stub: Stub, colonnade: Run) -> None:
    done = colonnade("generate", "The capital of France is", "--max-tokens", "8", "-p", "precise", "--stats")
    assert done.status == 0, done
    assert done.out == "Paris of course\n"
    assert "smollm2:1, 3 + 2 tokens, stop, 0.5 s, seed 7" in done.err
    assert stub.last.body == {
        "prompt": "The capital of France is", "max_tokens": 8, "preset": "precise", "stream": True,
    }  # fmt: skip


def test_generate_passes_every_option_on(stub: Stub, colonnade: Run) -> None:
    options = {
        "temperature": 0.5, "top_k": 3, "top_p": 0.4, "min_p": 0.1, "repetition_penalty": 1.1, "seed": 9,
        "model": "smollm2@production", "model_size": "135M", "max_tokens": 5,
        "frequency_penalty": 0.5, "presence_penalty": -0.5, "regex": "[a-z]+", "n": 1,
    }  # fmt: skip
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    done = colonnade("generate", "x", *flags, "--stop", "a", "--stop", "b")
    assert done.status == 0, done
    regex = options.pop("regex")
    sent = options | {"prompt": "x", "stop": ["a", "b"], "stream": True, "structure": {"regex": regex}}
    assert stub.last.body == sent


def test_generate_takes_forms_from_files(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    schema, grammar = tmp_path / "schema.json", tmp_path / "sum.lark"
    schema.write_text('{"type": "object"}')
    grammar.write_text('start: "é"')
    for flags, expected in (
        (("--json-schema", str(schema)), {"json_schema": {"type": "object"}}),
        (("--grammar", str(grammar)), {"grammar": 'start: "é"'}),
        (("--json-object",), {"json_object": True}),
    ):
        assert colonnade("generate", "x", *flags).status == 0
        assert stub.last.body["structure"] == expected


def test_generate_refuses_forms_that_are_none(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    broken, binary = tmp_path / "broken.json", tmp_path / "binary.lark"
    broken.write_text("{")
    binary.write_bytes(b"\xff")
    for flags, status, reason in (
        (("--json-schema", str(broken)), 1, "broken.json is not JSON"),
        (("--grammar", str(binary)), 1, "binary.lark must be UTF-8"),
        (("--json-schema", str(tmp_path / "none")), 2, "--json-schema"),
        (("--regex", "a", "--json-object"), 1, "one of --json-schema"),
    ):
        done = colonnade("generate", "x", *flags)
        assert (done.status, reason in done.err) == (status, True), done
    assert not stub.seen


def test_generate_prints_several_answers_one_after_the_other(stub: Stub, colonnade: Run) -> None:
    answers = [{"index": i, "text": f"No. {i}", "finish_reason": "stop", "seed": 7 + i} for i in (0, 1)]
    stub.routes["POST", "/generate"] = Answer(body=final() | answers[0] | {"choices": answers})
    done = colonnade("generate", "x", "--n", "2", "--stats")
    assert (done.status, done.out) == (0, "No. 0\nNo. 1\n")
    assert "--- 2 of 2, seed 8" in done.err
    assert stub.last.body == {"prompt": "x", "n": 2, "stream": False}


def test_generate_reads_standard_input_and_takes_a_system_message(stub: Stub, colonnade: Run) -> None:
    assert colonnade("generate", "-", "--system", "Be brief.", stdin="Hi\n").status == 0
    assert stub.last.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi\n"},
    ]
    assert "prompt" not in stub.last.body


@pytest.mark.parametrize("stdin", [b"", b"\xff\xfe"])
def test_generate_refuses_standard_input_that_is_no_text(stub: Stub, colonnade: Run, stdin: bytes) -> None:
    done = colonnade("generate", "-", stdin=stdin)
    assert done.status == 1
    assert "standard input" in done.err
    assert not stub.seen


def test_embed_prints_a_vector_a_line(stub: Stub, colonnade: Run) -> None:
    done = colonnade("embed", "a cat", "a dog", "--model", "minilm", "--truncate")
    assert (done.status, done.out) == (0, "[0.6, -0.8]\n" * 2)
    assert stub.last.body == {"input": ["a cat", "a dog"], "model": "minilm", "truncate": True}
    whole = json.loads(colonnade("embed", "a", "--json").out)
    assert (whole["data"][0]["embedding"], whole["usage"]["total_tokens"]) == ([0.6, -0.8], 4)


def test_score_tells_each_token_and_the_sum(stub: Stub, colonnade: Run) -> None:
    done = colonnade("score", " Paris", "--context", "The capital of France is")
    assert done.status == 0, done
    assert done.out == "   -0.250  ' Par'\n   -0.500  'is'\n   -0.750  in all; -0.375 a token over 2\n"
    assert stub.last.body == {"text": [" Paris"], "context": "The capital of France is"}
    assert json.loads(colonnade("score", "a", "--json").out)["data"][0]["total_logprob"] == -0.75


def test_tokenize_tells_each_token_or_how_many_there_are(stub: Stub, colonnade: Run) -> None:
    done = colonnade("tokenize", "Paris", "--plain")
    assert done.status == 0, done
    assert done.out == "        7  'Par'\n        8  'is'\n        2  in all; the model takes 2048\n"
    assert stub.last.body == {"prompt": "Paris", "add_special_tokens": False, "return_token_strs": True}
    assert colonnade("tokenize", "-", "--chat", "--count", stdin="Hi").out == "2\n"
    assert stub.last.body == {"messages": [{"role": "user", "content": "Hi"}]}
    assert json.loads(colonnade("tokenize", "a", "--json").out)["tokens"] == [7, 8]


@pytest.mark.parametrize(("command", "field"), [("embed", "input"), ("score", "text")])
def test_texts_may_be_lines_of_standard_input(stub: Stub, colonnade: Run, command: str, field: str) -> None:
    assert colonnade(command, "-", stdin="one\n\ntwo\n").status == 0
    assert stub.last.body[field] == ["one", "two"]
    done = colonnade(command, "-", stdin=b"")
    assert (done.status, "standard input is empty" in done.err) == (1, True)


def test_generate_json(stub: Stub, colonnade: Run) -> None:
    done = colonnade("generate", "x", "--json")
    answer = json.loads(done.out)
    assert answer["text"] == "Paris of course"
    assert answer["model"]["version"] == 1
    assert stub.last.body["stream"] is False


def test_an_error_is_one_line_with_message_and_request_id(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/generate"] = error(400, "invalid_argument", "temperature must be 0 to 100")
    done = colonnade("generate", "x", "--temperature", "-1")
    assert done.status == 1
    assert done.err == "Error: temperature must be 0 to 100 (request r-42)\n"
    assert done.out == ""


def test_a_missing_key_gets_the_commands_own_remedy(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models"] = error(401, "unauthenticated", "this call needs an API key")
    assert "needs an API key; set COLONNADE_API_KEY to one (request r-42)" in colonnade("models", "list").err


def test_an_error_in_the_middle_of_a_stream(stub: Stub, colonnade: Run) -> None:
    fault = json.dumps({"error": {"code": "unavailable", "message": "the engine died", "request_id": "r-7"}})
    stub.routes["POST", "/generate"] = Answer(
        events=[*words("Paris")[:1], f"event: error\ndata: {fault}\n\n"]
    )
    done = colonnade("generate", "x")
    assert done.status == 1
    assert done.out.startswith("Paris")
    assert "the engine died (request r-7)" in done.err


def test_an_error_message_cannot_steer_the_terminal(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models"] = error(500, "internal", "[bold]\x1b[2Jgone\nError: forged")
    assert colonnade("models", "list").err == "Error: [bold][2Jgone Error: forged (request r-42)\n"


def test_a_platform_that_is_not_there_gets_a_remedy(colonnade: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_URL", "http://127.0.0.1:9")
    done = colonnade("generate", "x")
    assert done.status == 1
    assert "colonnade up" in done.err
    assert done.err.count("\n") == 1


def test_url_and_key_options_win_over_the_environment(
    stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLONNADE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("COLONNADE_API_KEY", "ck_env_x")
    assert colonnade("models", "list", "--url", stub.url, "--api-key", "ck_opt_x").status == 0
    assert stub.last.headers["authorization"] == "Bearer ck_opt_x"


def test_wrong_usage_is_status_2(colonnade: Run) -> None:
    assert colonnade("generate").status == 2
    assert colonnade("nonsense").status == 2
    assert colonnade("up", "--port", "99999").status == 2


def test_a_fault_of_the_command_is_no_traceback(
    stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colonnade.cli.generate.write", lambda text: 1 / 0)
    done = colonnade("generate", "x")
    assert done.status == 1
    assert done.err.startswith("Error: ZeroDivisionError")
    assert "Traceback" not in done.err


def test_interrupting_cancels_the_stream_and_is_status_130(
    stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("colonnade.cli.generate.write", interrupted)
    assert colonnade("generate", "x").status == 130


def test_models_list(stub: Stub, colonnade: Run) -> None:
    done = colonnade("models", "list")
    assert "smollm2" in done.out
    assert "production -> 1" in done.out
    assert json.loads(colonnade("models", "list", "--json").out)[0]["name"] == "smollm2"
    stub.routes["GET", "/models"] = Answer(body={"models": []})
    assert "models import" in colonnade("models", "list").err


def test_models_show(stub: Stub, colonnade: Run) -> None:
    done = colonnade("models", "show", "smollm2")
    assert "production -> 1" in done.out
    assert "538 MB" in done.out
    assert json.loads(colonnade("models", "show", "smollm2", "--json").out)["versions"][0]["digest"]
    missing = colonnade("models", "show", "nobody")
    assert missing.status == 1
    assert "nobody" in missing.err


def test_models_import_of_a_new_model_is_promoted(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    (tmp_path / "My Model").mkdir()
    done = colonnade("models", "import", str(tmp_path / "My Model"))
    assert done.status == 0, done
    assert stub.last.body == {
        "source": str(tmp_path / "My Model"), "name": "my-model", "alias": "production",
    }  # fmt: skip
    assert stub.last.headers["accept"] == "text/event-stream"
    assert "convert 100%" in done.err
    assert "Imported smollm2:1" in done.err


def test_models_import_of_another_version_moves_nothing(
    stub: Stub, colonnade: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert colonnade("models", "import", "x.gguf", "--name", "smollm2").status == 0
    assert stub.last.body == {"source": str(tmp_path / "x.gguf"), "name": "smollm2"}


def test_models_import_of_an_adapter_names_its_base(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    (tmp_path / "poet").mkdir()
    assert colonnade("models", "import", str(tmp_path / "poet"), "--base", "smollm2:1").status == 0
    assert stub.last.body["base"] == "smollm2:1"


def test_models_prepare(stub: Stub, colonnade: Run) -> None:
    step = {"name": "smollm2", "version": 3, "digest": "sha256:ab"}
    loading = step | {"state": "loading", "seconds": 2.0}
    ready = step | {"state": "ready", "seconds": 4.0, "memory_bytes": 270_000_000}
    stub.routes["POST", "/models/smollm2%403/prepare"] = Answer(
        events=[loading, loading, ready, "data: [DONE]\n\n"]
    )
    done = colonnade("models", "prepare", "smollm2@3")
    assert done.status == 0, done
    assert done.err.splitlines() == [
        "  smollm2:3 loading, 2s",
        "smollm2:3 is ready (270 MB), after 4s.",
    ]


def test_models_prepare_says_why_not(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/models/smollm2/prepare"] = error(503, "unavailable", "no engine has room")
    done = colonnade("models", "prepare", "smollm2")
    assert done.status == 1
    assert "no engine has room" in done.err


def test_generate_with_biases(stub: Stub, colonnade: Run) -> None:
    assert colonnade("generate", "x", "--logit-bias", "15043=-100", "--logit-bias", "7=2.5").status == 0
    assert stub.last.body["logit_bias"] == {"15043": -100.0, "7": 2.5}


@pytest.mark.parametrize("bias", ["15043", "x=1", "1=", "=1", "1=x"])
def test_a_bias_that_is_none_is_refused_here(stub: Stub, colonnade: Run, bias: str) -> None:
    done = colonnade("generate", "x", "--logit-bias", bias)
    assert done.status == 1
    assert "15043=-100" in done.err
    assert not stub.seen


@pytest.mark.parametrize(
    ("flags", "sent"), [((), None), (("--refresh",), "no-cache"), (("--no-cache", "--refresh"), "no-store")]
)
def test_what_generate_wants_of_caches(
    stub: Stub, colonnade: Run, flags: tuple[str, ...], sent: str | None
) -> None:
    assert colonnade("generate", "x", *flags).status == 0
    assert stub.last.headers.get("cache-control") == sent


def test_a_kept_answer_is_told_with_its_age(stub: Stub, colonnade: Run) -> None:
    kept = final() | {"cache": {"kind": "hit", "age_seconds": 75.0, "similarity": 1.0}}
    stub.routes["POST", "/generate"] = Answer(events=[*words("Paris")[:-2], kept, "data: [DONE]\n\n"])
    assert "hit of 1m15s" in colonnade("generate", "x", "--stats").err


def test_generate_with_an_adapter(stub: Stub, colonnade: Run) -> None:
    assert colonnade("generate", "The sea", "--adapter", "poet:2").status == 0
    assert stub.last.body["adapter"] == "poet:2"
    assert "model" not in stub.last.body


def test_models_alias(stub: Stub, colonnade: Run) -> None:
    stub.routes["PUT", "/models/smollm2/aliases/candidate"] = lambda seen: Answer(
        body={"name": "candidate", "targets": seen.body["targets"], "revision": 4}
    )
    done = colonnade("models", "alias", "smollm2", "candidate", "1=90", "2=10", "--expected-revision", "3")
    assert done.status == 0, done
    assert stub.last.body == {
        "targets": [{"version": 1, "weight": 90}, {"version": 2, "weight": 10}],
        "expected_revision": 3,
    }
    assert "candidate -> 1 (90%), 2 (10%) (revision 4)" in done.err
    stub.routes["DELETE", "/models/smollm2/aliases/candidate"] = Answer(204)
    assert colonnade("models", "alias", "smollm2", "candidate", "--delete").status == 0
    assert stub.last.method == "DELETE"


@pytest.mark.parametrize("arguments", [["1", "--delete"], [], ["latest"], ["1=most"]])
def test_models_alias_refuses_what_it_cannot_mean(stub: Stub, colonnade: Run, arguments: list[str]) -> None:
    assert colonnade("models", "alias", "smollm2", "candidate", *arguments).status == 1
    assert not stub.seen


def test_keys_create_prints_the_secret_alone_on_stdout(stub: Stub, colonnade: Run) -> None:
    done = colonnade("keys", "create", "app", "--role", "admin", "--role", "caller", "--expires", "30d")
    assert done.status == 0, done
    assert done.out == "ck_k1_topsecret\n"
    assert "only time" in done.err
    assert stub.last.body["roles"] == ["admin", "caller"]
    assert stub.last.body["expires_at"]


@pytest.mark.parametrize("expires", ["d", "30", "0d", "-1d", "9999999999999w", "9999d", "5y"])
def test_keys_create_refuses_other_times(stub: Stub, colonnade: Run, expires: str) -> None:
    done = colonnade("keys", "create", "app", f"--expires={expires}")
    assert done.status == 1
    assert "30d" in done.err
    assert not stub.seen


def test_keys_list_revoke_rotate(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/keys"] = Answer(
        body={
            "keys": [
                KEY,
                KEY | {"id": "k2", "revoked_at": "2026-01-01T00:00:00Z"},
                KEY | {"id": "k3", "expires_at": "2020-01-01T00:00:00Z"},
                KEY | {"id": "k4", "expires_at": "2999-01-01T00:00:00Z"},
            ]
        }
    )
    listed = colonnade("keys", "list").out
    for word in ("valid", "revoked", "expired", "valid until 2999"):
        assert word in listed
    assert len(json.loads(colonnade("keys", "list", "--json").out)) == 4
    assert colonnade("keys", "revoke", "k1").status == 0
    assert stub.last.method == "DELETE"
    assert colonnade("keys", "rotate", "k1").out == "ck_k1_newsecret\n"
    stub.routes["GET", "/keys"] = Answer(body={"keys": []})
    assert "no keys" in colonnade("keys", "list").err


def test_whoami(stub: Stub, colonnade: Run) -> None:
    told = {"tenant": "acme", "subject": "[/x]", "key": "k1", "roles": ["auditor", "caller"]}
    stub.routes["GET", "/whoami"] = Answer(body={**told, "may": ["GET /models"]})
    head, row = colonnade("whoami").out.splitlines()
    assert head.split() == ["tenant", "subject", "key", "roles"]
    assert row.split() == ["acme", "[/x]", "k1", "auditor,", "caller"]
    assert json.loads(colonnade("whoami", "--json").out) == {**told, "may": ["GET /models"]}
    stub.routes["GET", "/whoami"] = Answer(body={**told, "key": None, "may": []})
    assert "no key" in colonnade("whoami").err


def test_version(stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(colonnade("version", "--json").out)["platform"] == "9.9.9"
    monkeypatch.setenv("COLONNADE_URL", "http://127.0.0.1:9")
    done = colonnade("version")
    assert done.status == 0
    assert "not reachable" in done.out


def test_the_version_is_also_an_option(colonnade: Run) -> None:
    done = colonnade("--version")
    assert done.status == 0
    assert done.out.startswith("colonnade ")
    assert done.out.count("\n") == 1


@pytest.mark.parametrize("source", ["https://models.example/x", "FILE:///etc/passwd", "bundled:other"])
def test_what_is_no_path_goes_to_the_platform_as_it_is(stub: Stub, colonnade: Run, source: str) -> None:
    assert colonnade("models", "import", source, "--name", "smollm2").status == 0
    assert stub.last.body["source"] == source


@pytest.mark.parametrize("name", ["", "../x", "a/b"])
def test_a_name_that_is_no_segment_asks_nobody(stub: Stub, colonnade: Run, name: str) -> None:
    for command in (["models", "show"], ["keys", "revoke"], ["keys", "rotate"]):
        done = colonnade(*command, name)
        assert done.status == 1
        assert "must not be empty" in done.err
    assert not stub.seen


def test_remedies_are_told_as_commands(stub: Stub, colonnade: Run) -> None:
    stub.routes["DELETE", "/keys/k9"] = error(404, "not_found", "no such key; `GET /keys` lists them")
    assert "no such key; `colonnade keys list` lists them" in colonnade("keys", "revoke", "k9").err


def test_what_answers_but_is_no_platform_is_said(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/generate"] = Answer(405, body={"detail": "Method Not Allowed"})
    assert "not by a Colonnade gateway; check base_url" in colonnade("generate", "x").err


def test_an_output_that_is_full_is_no_fault_of_the_command(
    stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("colonnade.cli.generate.write", full)
    done = colonnade("generate", "x")
    assert done.status == 1
    assert done.err == "Error: No space left on device\n"


def test_generate_reads_no_more_of_standard_input_than_anybody_takes(
    stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colonnade.cli.standard_input._MAX_BYTES", 10)
    done = colonnade("generate", "-", stdin="x" * 11)
    assert done.status == 1
    assert "standard input has 11 bytes; at most 10" in done.err
    assert not stub.seen
