"""Converts any source in no time: its bytes are the weights."""

import json
import sys
from pathlib import Path

source, out = Path(sys.argv[1]), Path(sys.argv[sys.argv.index("--out") + 1])
files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
out.mkdir()
(out / "colonnade.json").write_text('{"format": 1}')
(out / "model.safetensors").write_bytes(b"".join(path.read_bytes() for path in files))
done = {
    "event": "done", "family": "transformer", "parameters": 1_000_000, "size_label": "1M",
    "context_length": 64, "source_digest": f"sha256:{'ef' * 32}",
}  # fmt: skip
sys.stdout.write(json.dumps(done) + "\n")
