"""A column of Parquet files, or of the files that Hugging Face ``datasets`` saves: a batch at a time."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from colonnade.errors import InvalidArgument, NotFound, Unsupported
from colonnade.learn.data.source_settings import DatasetSource, ParquetSource
from colonnade.learn.data.sources.base import FileSource
from colonnade.learn.data.sources.document import NULL, Document, Place
from colonnade.learn.data.sources.files import StoredFile, local_file, local_folders, no_match
from colonnade.learn.data.sources.objects import is_url
from colonnade.security.inputs import CONFIG, check_file_name, parse_object, read_bounded

_ROWS = 256
_BUFFER_BYTES = 1 << 20


class _Columns(FileSource):
    def __init__(self, settings: ParquetSource | DatasetSource) -> None:
        super().__init__(settings)
        self._column = settings.column

    def _check(self, schema: Any, file: str) -> None:
        if self._column not in schema.names:
            names = ", ".join(schema.names[:20])
            raise InvalidArgument(
                f"source {self.name}: {file} has no column {self._column!r}; it has {names}",
                field="column",
                source=self.name,
            )
        kind = schema.field(self._column).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise InvalidArgument(
                f"source {self.name}: the column {self._column!r} of {file} holds {kind}, not strings",
                field="column",
                source=self.name,
            )

    def _row(self, raw: bytes | None, file: str, place: Place, consumed: int) -> Document:
        if raw is None:
            return Document(place, consumed, dropped=NULL)
        return self._decoder.document(raw, file, place, consumed)

    @contextmanager
    def _reading(self, file: str) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid as error:
            raise InvalidArgument(
                f"source {self.name}: {file} is damaged, or of another format; fetch it again",
                field="paths",
                source=self.name,
            ) from error


class ParquetFiles(_Columns):
    def _documents(self, file: StoredFile, start: Place, before: int) -> Iterator[Document]:
        with file.open() as opened, self._reading(file.name):
            parquet = pq.ParquetFile(opened, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            self._check(parquet.schema_arrow, file.name)
            item, rows = 0, max(1, parquet.metadata.num_rows)
            for group in range(parquet.num_row_groups):
                count = parquet.metadata.row_group(group).num_rows
                if item + count <= start.item:
                    item += count
                    continue
                for raw in self._group(parquet, group):
                    if item >= start.item:
                        consumed = before + file.size * (item + 1) // rows
                        yield self._row(raw, file.name, Place(start.file, item), consumed)
                    item += 1

    def _group(self, parquet: Any, group: int) -> Iterator[bytes | None]:
        for batch in parquet.iter_batches(
            _ROWS, row_groups=[group], columns=[self._column], use_threads=False
        ):
            yield from _bytes_of(batch.column(0))


class SavedDatasets(_Columns):
    """What ``Dataset.save_to_disk`` wrote: ``state.json`` names files in Arrow's streaming format."""

    @cached_property
    def files(self) -> Sequence[StoredFile]:
        found: list[StoredFile] = []
        for number, path in enumerate(self._paths):
            if is_url(path):
                raise Unsupported(
                    f"source {self.name}: a saved dataset is read from a folder here; copy it, or"
                    " save it as Parquet",
                    field="paths",
                )
            folders = local_folders(path)
            if not folders:
                raise no_match(self.name, number)
            for name, folder in folders:
                found += self._of_folder(name, folder)
        return list(dict.fromkeys(found))

    def _of_folder(self, name: str, folder: Path) -> Iterator[StoredFile]:
        if (folder / "dataset_dict.json").is_file():
            listed = json.loads((folder / "dataset_dict.json").read_bytes())
            splits = ", ".join(map(str, listed.get("splits", [])))
            raise InvalidArgument(
                f"source {self.name}: {name} holds several splits ({splits}); name the folder of one",
                field="paths",
            )
        try:
            state = parse_object(
                read_bounded(folder / "state.json", CONFIG.max_bytes, "state.json"), CONFIG, "state.json"
            )
        except NotFound:
            raise NotFound(
                f"source {self.name}: {name} is no folder that datasets saved: it has no state.json",
                field="paths",
            ) from None
        for entry in state.get("_data_files", []):
            part = check_file_name(entry["filename"], "filename")
            yield local_file(self.name, f"{name}/{part}", folder / part)

    def _documents(self, file: StoredFile, start: Place, before: int) -> Iterator[Document]:
        item = 0
        with file.open() as opened, self._reading(file.name), pa.ipc.open_stream(opened) as stream:
            self._check(stream.schema, file.name)
            for batch in stream:
                consumed = before + min(opened.tell(), file.size)
                if item + batch.num_rows > start.item:
                    skipped = max(0, start.item - item)
                    for at, raw in enumerate(_bytes_of(batch.column(self._column), skipped), item + skipped):
                        yield self._row(raw, file.name, Place(start.file, at), consumed)
                item += batch.num_rows


def _bytes_of(column: Any, skipped: int = 0) -> Iterator[bytes | None]:
    """A value at a time, undecoded, so that what is not UTF-8 is met by the setting."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    for value in column.slice(skipped).cast(pa.large_binary()):
        yield value.as_py()
