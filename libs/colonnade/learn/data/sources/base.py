"""What all sources share: a list of files in order, and reading from a place on."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from colonnade.learn.data.source_settings import Source
from colonnade.learn.data.sources.document import Decoder, Document, Place
from colonnade.learn.data.sources.files import StoredFile, fingerprint_of, local_files, refusals
from colonnade.learn.data.sources.objects import is_url, object_files


class FileSource(ABC):
    """A ``DocumentSource`` over files; what a format adds is how one file is read."""

    def __init__(self, settings: Source) -> None:
        self.name = settings.name
        self._decoder = Decoder(settings.name, settings.bad_encoding, settings.largest_document_bytes)
        self._paths = settings.paths

    @cached_property
    def files(self) -> Sequence[StoredFile]:
        found: list[StoredFile] = []
        for number, path in enumerate(self._paths):
            found += (
                object_files(self.name, number, path)
                if is_url(path)
                else local_files(self.name, number, path)
            )
        return list(dict.fromkeys(found))

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def fingerprint(self) -> str:
        return fingerprint_of(self.files)

    def read(self, start: Place = Place()) -> Iterator[Document]:  # noqa: B008 - a tuple of two numbers
        before = list(accumulate((file.size for file in self.files), initial=0))
        for number in range(start.file, len(self.files)):
            file = self.files[number]
            first = Place(number, start.item if number == start.file else 0)
            with refusals(self.name, file.name):
                yield from self._documents(file, first, before[number])

    @abstractmethod
    def _documents(self, file: StoredFile, start: Place, before: int) -> Iterator[Document]:
        """Those of one file from ``start`` on; ``before`` is what the files before it hold, in bytes."""
