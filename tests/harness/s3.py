"""A real S3: SeaweedFS in one process, with a bucket, a key of its own, and ports on loopback."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from obstore import sign
from obstore.store import S3Store

from colonnade.supervise import launch
from tests.harness.platform import eventually, free_port

_WEED = str(Path(sys.executable).with_name("weed"))
_START_SECONDS = 90.0
_GRPC = 10_000  # above each port


class S3:
    """``environment`` is what every AWS client reads."""

    bucket = "models"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cln-s3-"))
        self.port = _port()
        self.environment: Mapping[str, str] = {
            "AWS_ACCESS_KEY_ID": "colonnade",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
        }
        self._config = self.folder / "s3.json"
        self._config.write_text(json.dumps({"identities": [self._identity]}))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        command = [
            _WEED, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            f"-s3.config={self._config}", f"-s3.port={self.port}", f"-master.port={_port()}",
            f"-volume.port={_port()}", f"-filer.port={_port()}", "-master.telemetry=false",
            "-master.volumeSizeLimitMB=128", "-s3.port.iceberg=0", "-s3.port.lance=0",
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                launch.wrapped(*command), stdout=log, stderr=log, cwd=self.folder
            )
        eventually(self._has_bucket, _START_SECONDS, "SeaweedFS has a bucket")

    def stop(self) -> None:
        """Hard: it takes ten seconds to say good-bye, and nothing of it is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, prefix: str) -> str:
        return f"s3://{self.bucket}/{prefix}"

    @property
    def _identity(self) -> Mapping[str, object]:
        keys = {
            "accessKey": self.environment["AWS_ACCESS_KEY_ID"],
            "secretKey": self.environment["AWS_SECRET_ACCESS_KEY"],
        }
        return {"name": "tests", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List"]}

    def _has_bucket(self) -> bool:
        """Made by a signed PUT: the client's library makes none."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-4000:]
        store = S3Store(
            self.bucket,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            aws_endpoint=self.environment["AWS_ENDPOINT_URL"],
            aws_region=self.environment["AWS_REGION"],
            client_options={"allow_http": True},
        )
        try:
            made = httpx.put(sign(store, "PUT", "", timedelta(minutes=1)), trust_env=False)
        except httpx.TransportError:
            return False
        return made.status_code in (200, 409)


def _port() -> int:
    """One whose gRPC twin is a port too."""
    while (port := free_port()) + _GRPC > 65535:
        pass
    return port


@contextmanager
def s3() -> Iterator[S3]:
    server = S3()
    try:
        server.start()
        yield server
    finally:
        server.stop()
