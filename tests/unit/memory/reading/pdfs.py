"""PDFs made for tests."""

import io
import zlib
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter

_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def pdf(*pages: str) -> bytes:
    """A line of text a line, in Helvetica."""
    return _whole([_stream(_drawn(page)) for page in pages])


def bomb(size: int) -> bytes:
    """One page whose few bytes become ``size`` when they are read."""
    return _whole([_stream(zlib.compress(b" " * size, 9), b"/Filter /FlateDecode ")])


def encrypted(content: bytes, password: str) -> bytes:
    """Whoever has no password may open it where that is empty."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _drawn(text: str) -> bytes:
    lines = [each.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for each in text.split("\n")]
    shown = b" T* ".join(b"(%s) Tj" % line.encode("cp1252") for line in lines)
    return b"BT /F1 12 Tf 14 TL 72 720 Td %s ET" % shown


def _stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (more, len(content), content)


def _whole(contents: Sequence[bytes]) -> bytes:
    kids = b" ".join(b"%d 0 R" % (4 + 2 * place) for place in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        _FONT,
    ]
    for place, content in enumerate(contents):
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R" % (5 + 2 * place)
        objects += [page + b" /Resources << /Font << /F1 3 0 R >> >> >>", content]
    made, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n" % (size, table, size)
    return made + end + b"startxref\n%d\n%%%%EOF\n" % len(made)
