"""Where documents come from. A format is a module; where files lie is another matter."""

from colonnade.errors import Unsupported
from colonnade.learn.data.source_settings import DatasetSource, JsonLinesSource, ParquetSource, Source
from colonnade.learn.data.sources.document import Document, DocumentSource, Place
from colonnade.learn.data.sources.text import JsonLines, TextFiles

__all__ = ["Document", "DocumentSource", "Place", "open_source"]


def open_source(settings: Source) -> DocumentSource:
    """Raises ``Unsupported`` where a library is missing; files are looked for later."""
    if isinstance(settings, JsonLinesSource):
        return JsonLines(settings)
    if isinstance(settings, ParquetSource | DatasetSource):
        return _columns(settings)
    return TextFiles(settings)


def _columns(settings: ParquetSource | DatasetSource) -> DocumentSource:
    try:
        from colonnade.learn.data.sources.columns import ParquetFiles, SavedDatasets
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"source {settings.name}: Parquet and Arrow need a package; `pip install pyarrow`",
            field="kind",
        ) from error
    return ParquetFiles(settings) if isinstance(settings, ParquetSource) else SavedDatasets(settings)
