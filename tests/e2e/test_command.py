"""The command against a running platform."""

import json
from pathlib import Path

from safetensors.numpy import load_file

from tests.harness.platform import Platform, free_port


def test_generate_prints_what_the_model_says(platform: Platform) -> None:
    said = platform.command(
        "generate", "The quick brown", "--max-tokens", "8", "--preset", "deterministic"
    ).stdout
    with platform.client() as http:
        body = {"prompt": "The quick brown", "max_tokens": 8, "preset": "deterministic"}
        assert http.post("/generate", json=body).json()["text"].strip() in said


def test_chat_answers_each_line(platform: Platform) -> None:
    done = platform.command("chat", "--max-tokens", "4", stdin="hello\n/exit\n")
    assert done.stdout.strip()


def test_models(platform: Platform) -> None:
    assert "tiny" in platform.command("models", "list").stdout
    assert "production" in platform.command("models", "show", "tiny").stdout
    platform.command("models", "alias", "tiny", "candidate", "1")
    assert "candidate" in platform.command("models", "show", "tiny").stdout


def test_a_version_is_loaded_ahead(platform: Platform) -> None:
    done = platform.command("models", "prepare", "tiny:1")
    assert "tiny:1 is ready" in done.stderr
    loaded = {
        name
        for engine in json.loads(platform.command("engines", "--json").stdout)
        for name in engine["models"]
    }
    assert "tiny:1" in loaded
    nobody = platform.command("models", "prepare", "nobody", check=False)
    assert nobody.returncode == 1
    assert "nobody" in nobody.stderr


def test_biases_and_caches(platform: Platform) -> None:
    asked = ("generate", "The quick brown", "--max-tokens", "4", "--preset", "deterministic")
    plain = platform.command(*asked, "--refresh").stdout
    assert platform.command(*asked, "--no-cache").stdout == plain
    with platform.client() as http:
        first = http.post(
            "/generate", json={"prompt": "The quick brown", "max_tokens": 4, "temperature": 0, "logprobs": 0}
        ).json()
    token = first["logprobs"][0]["id"]
    assert platform.command(*asked, "--logit-bias", f"{token}=-100").stdout != plain


def test_a_model_comes_back_out_as_it_went_in(platform: Platform, tiny_model: Path, tmp_path: Path) -> None:
    platform.command("models", "export", "tiny@production", str(tmp_path / "out"))
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_model, tmp_path / "out"))
    assert before.keys() == after.keys()
    assert all((after[name] == before[name]).all() for name in before)
    again = platform.command("models", "export", "tiny", str(tmp_path / "out"), check=False)
    assert again.returncode == 1
    assert "not empty" in again.stderr


def test_status_names_every_service(platform: Platform) -> None:
    services = json.loads(platform.command("status", "--json").stdout)["services"]
    assert {"gateway", "inference", "registry", "training", "memory", "ethics", "engine"} <= {
        service["name"] for service in services
    }


def test_logs_show_recent_lines(platform: Platform) -> None:
    assert platform.command("logs", "gateway", "-n", "5").stdout.strip()


def test_doctor_finds_nothing_wrong(platform: Platform) -> None:
    report = platform.command("doctor", "--json", check=False)
    assert json.loads(report.stdout)["checks"]


def test_without_keys_nobody_else_is_let_in(platform: Platform, short_folder: Path) -> None:
    where = ("--no-console", "--host", "0.0.0.0", "--port", str(free_port()), "--home", str(short_folder))
    done = platform.command("up", *where, check=False)
    assert done.returncode == 1
    assert "there is no API key yet" in done.stderr
    assert "colonnade keys create" in done.stderr
    assert "Stopping" not in done.stderr
    assert [log.name for log in (short_folder / "logs").iterdir()] == ["supervisor.log"]


def test_health_is_told_without_a_body(platform: Platform) -> None:
    with platform.client() as http:
        for path in ("/health/live", "/health/ready", "/v2/health/ready", "/metrics"):
            asked = http.head(path)
            assert (asked.status_code, asked.content) == (200, b"")
            assert int(asked.headers["content-length"]) > 0
            assert http.get("/health/live").json() == {"status": "live"}  # the connection is as it should be


def test_an_error_is_one_line_with_a_remedy(platform: Platform) -> None:
    done = platform.command("models", "show", "nobody", check=False)
    assert done.returncode == 1
    assert "nobody" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
