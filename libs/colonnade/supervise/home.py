"""The folder that holds everything a platform on one machine keeps: ``COLONNADE_HOME``."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from colonnade.errors import InvalidArgument, PermissionDenied

DEFAULT = "~/.colonnade"
_MAX_SOCKET_PATH = 107  # sun_path of sockaddr_un, less its NUL
_LONGEST_SOCKET = "supervisor.sock"


@dataclass(frozen=True, slots=True)
class Home:
    """Names of the files that the supervisor and the command share."""

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
    def lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def control(self) -> Path:
        return self.run / "supervisor.sock"

    def socket(self, service: str) -> Path:
        return self.run / f"{service}.sock"

    def pid_file(self, service: str) -> Path:
        return self.run / f"{service}.pid"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def prepare(self) -> None:
        """Makes the folders, owner-only; raises ``InvalidArgument`` or ``PermissionDenied`` with a remedy."""
        if (length := len(os.fsencode(self.run / _LONGEST_SOCKET))) > _MAX_SOCKET_PATH:
            raise InvalidArgument(
                f"COLONNADE_HOME is too long for sockets below it ({length} bytes, "
                f"at most {_MAX_SOCKET_PATH}); choose a shorter folder with --home",
                field="COLONNADE_HOME",
                limit=_MAX_SOCKET_PATH,
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
