"""What lies where in ``COLONNADE_HOME``, the folder of everything that a platform on one machine keeps."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from colonnade.errors import InvalidArgument, PermissionDenied

DEFAULT = "~/.colonnade"
MAX_SOCKET_PATH = 107  # sun_path of sockaddr_un, less its NUL
_LONGEST_SOCKET = "supervisor.sock"
_BELOW_RAY = "/s/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"


@dataclass(frozen=True, slots=True)
class Home:
    """Names of files and folders, as the supervisor, the command and every service know them."""

    root: Path

    @classmethod
    def of(cls, folder: str | Path | None = None) -> "Home":
        """``folder``, or ``$COLONNADE_HOME``, or ``~/.colonnade``."""
        return cls(Path(folder or os.environ.get("COLONNADE_HOME") or DEFAULT).expanduser().absolute())

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def identity(self) -> Path:
        """The key that services sign with."""
        return self.root / "identity"

    @property
    def trusted_keys(self) -> Path:
        """Public keys whose seals are good; the registry puts its own there."""
        return self.root / "trusted-keys"

    @property
    def erasures(self) -> Path:
        """Keys and tombstones of erasures, in no backup of the rest."""
        return self.root / "erasures"

    @property
    def blobs(self) -> Path:
        """Written by the registry alone, read by engines."""
        return self.root / "blobs"

    @property
    def blob_cache(self) -> Path:
        """Copies of blobs that are elsewhere."""
        return self.root / "cache" / "blobs"

    @property
    def private(self) -> tuple[Path, ...]:
        """What nobody but the owner may enter."""
        return self.run, self.logs, self.identity, self.root / "data", self.root / "audit"

    @property
    def lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def control(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def ray(self) -> Path:
        """Of a Ray cluster of our own."""
        return self.run / "ray"

    def ray_socket_length(self, folder: str | Path | None = None) -> int:
        """Bytes in the path of Ray's longest socket, in ``folder`` or else below home."""
        return len(os.fsencode(Path(folder or self.ray).expanduser().absolute())) + len(_BELOW_RAY)

    def socket(self, service: str) -> Path:
        return self.run / f"{service}.sock"

    def pid_file(self, service: str) -> Path:
        return self.run / f"{service}.pid"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def data(self, service: str) -> Path:
        return self.root / "data" / service

    def audit(self, service: str) -> Path:
        return self.root / "audit" / f"{service}.jsonl"

    def prepare(self) -> None:
        """Makes the folders, owner-only; raises ``InvalidArgument`` or ``PermissionDenied`` with a remedy."""
        if (length := len(os.fsencode(self.run / _LONGEST_SOCKET))) > MAX_SOCKET_PATH:
            raise InvalidArgument(
                f"COLONNADE_HOME is too long for sockets below it ({length} bytes, "
                f"at most {MAX_SOCKET_PATH}); choose a shorter folder with --home",
                field="COLONNADE_HOME",
                limit=MAX_SOCKET_PATH,
            )
        try:
            for folder in (self.root, self.run, self.logs):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._secure()
        except (NotADirectoryError, FileExistsError) as error:
            raise InvalidArgument(
                "COLONNADE_HOME is not a folder; choose one with --home", field="COLONNADE_HOME"
            ) from error
        except OSError as error:
            raise PermissionDenied(
                f"cannot write to COLONNADE_HOME ({error.strerror}); choose a folder of yours with --home",
                field="COLONNADE_HOME",
            ) from error

    def _secure(self) -> None:
        """Sockets and logs are guarded by their folders: nobody else may enter them."""
        for folder in (self.run, self.logs):
            facts = folder.stat()
            if facts.st_uid != os.geteuid():
                raise PermissionDenied(
                    "COLONNADE_HOME belongs to another user; choose a folder of yours with --home",
                    field="COLONNADE_HOME",
                )
            if stat.S_IMODE(facts.st_mode) & 0o077:
                folder.chmod(0o700)
