"""Documents from outside, which may be anything: read in a process of their own."""

import asyncio
import codecs
import os
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.memory.adapters.reading import reader as module
from colonnade.memory.adapters.reading.bounds import Bounds
from colonnade.memory.adapters.reading.reader import ChildReader
from colonnade.memory.domain.documents import MEDIA_TYPES
from colonnade.security.inputs.sizes import MIB
from tests.unit.memory.reading.pdfs import bomb, encrypted, pdf

TEXT, MARKDOWN, HTML, PDF = MEDIA_TYPES
QUICK = Bounds(processor_seconds=2, seconds=10)


async def refused(content: bytes, media_type: str, bounds: Bounds = QUICK) -> str:
    with pytest.raises(InvalidArgument) as refusal:
        await ChildReader(bounds).read(content, media_type)
    assert refusal.value.details["field"] == "content"
    for secret in ("Traceback", 'File "', "/site-packages", "Error"):
        assert secret not in refusal.value.message
    return refusal.value.message


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
async def test_utf_8_is_read_with_and_without_its_mark(mark: bytes) -> None:
    read = await ChildReader().read(mark + "Grüße, 世界 🙂\r\nzweite\rdritte".encode(), TEXT)
    assert read.text == "Grüße, 世界 🙂\nzweite\ndritte"
    assert read.pages == ()


@pytest.mark.parametrize(
    ("mark", "encoding"), [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
)
async def test_utf_16_is_read_with_its_mark_alone(mark: bytes, encoding: str) -> None:
    content = "Grüße, 世界 🙂".encode(encoding)
    assert (await ChildReader().read(mark + content, TEXT)).text == "Grüße, 世界 🙂"
    assert "UTF-16" in await refused(content, TEXT)


async def test_markdown_is_kept_as_it_is() -> None:
    source = "# Title\n\n* a **b** <i>c</i>\n\n```py\nx = 1\n```\n"
    assert (await ChildReader().read(source.encode(), f"{MARKDOWN}; charset=utf-8")).text == source


async def test_of_a_page_what_is_shown_is_read() -> None:
    page = """<!doctype html><html><head><title>T</title><style>p {}</style></head><body><!-- secret -->
    <h1>Head &amp; <b>bo</b>ld</h1>Some text<p>One   two
    three<br>four &eacute;&#233;</p><ul><li>a<li>b</ul><table><tr><td>1<td>2</tr><tr><td>3<td>4</table>
    <pre>def f():
    x

    y</pre><p hidden>secret</p><p style="color: red; DISPLAY : none">secret</p>
    <div aria-hidden=true>secret</div><template>secret</template><noscript>secret</noscript>
    <textarea>secret</textarea><i style="font-size:0">secret</i><i style="font-size:0.9em">small</i>
    <span>in</span><span>line</span> <script>secret()</script>&#8203;&#x202e;end</body></html>"""
    read = await ChildReader().read(page.encode(), HTML)
    assert read.text == (
        "Head & bold\n\nSome text\n\nOne two three\nfour éé\n\na\nb\n\n1 2\n3 4\n\n"
        "def f():\n    x\n\n    y\n\nsmall inline end"
    )


async def test_a_page_may_say_how_it_is_written() -> None:
    said = b"<meta charset='windows-1251'><p>\xcf\xf0\xe8\xe2\xe5\xf2"
    assert (await ChildReader().read(said, HTML)).text == "Привет"
    assert "UTF-8" in await refused(b"<p>\xcf\xf0\xe8", HTML)
    assert "UTF-8" in await refused(b"<meta charset='utf-7'><p>\xcf+ADw-script+AD4-", HTML)


async def test_of_a_pdf_its_pages_are_read() -> None:
    read = await ChildReader().read(pdf("Café (one)\nand on", "", "the third\\page"), PDF)
    assert read.text == "Café (one)\nand on\n\n\n\nthe third\\page"
    assert read.pages == (0, 19, 21)
    assert [read.text[start:].split("\n")[0] for start in read.pages] == ["Café (one)", "", "the third\\page"]


async def test_a_pdf_that_anybody_may_open_is_read() -> None:
    read = await ChildReader().read(encrypted(pdf("for all"), ""), PDF)
    assert read.text == "for all"


async def test_a_pdf_with_a_password_is_refused() -> None:
    assert "password" in await refused(encrypted(pdf("for few"), "open"), PDF)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:12],
        lambda whole: b"%PDF-1.7\n" + os.urandom(5000),
        lambda whole: whole.replace(b"/Pages 2 0 R", b"/Pages 9 0 R"),
        lambda whole: whole.replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
        lambda whole: whole.replace(b"/Count 1", b"/Count (x)").replace(b"/Kids [4 0 R]", b"/Kids 7"),
    ],
)
async def test_a_damaged_pdf_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    message = await refused(spoil(pdf("whole")), PDF)
    assert "damaged" in message or "has no text" in message


@pytest.mark.parametrize("size", [10 * MIB, 1000 * MIB])
async def test_a_pdf_that_grows_without_end_is_refused(size: int) -> None:
    begun = time.monotonic()
    message = await refused(bomb(size), PDF)
    assert "memory or time" in message or "no text" in message
    assert time.monotonic() - begun < 60


async def test_a_page_nested_100_000_deep_is_read_or_refused_in_time() -> None:
    begun = time.monotonic()
    read = await ChildReader(QUICK).read(b"<b>" * 100_000 + b"deep", HTML)
    assert read.text == "deep"
    assert "memory or time" in await refused(b"<div>" * 100_000 + b"deep", HTML)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (pdf("a"), TEXT),
        (pdf("a"), HTML),
        (b"<p>a page", PDF),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", TEXT),
        (b"PK\x03\x04\x14\0\0\0", MARKDOWN),
        (b"a\0b", TEXT),
        (b"\xff\xfe\0\0a\0\0\0", TEXT),
        (b"\xed\xa0\x80", TEXT),
        (b"\xff\xfe\x00\xd8", TEXT),
        (b"latin \xe9", MARKDOWN),
    ],
)
async def test_what_is_not_of_its_type_is_refused(content: bytes, media_type: str) -> None:
    message = await refused(content, media_type)
    assert "not a PDF" in message if media_type == PDF else "is not text" in message


@pytest.mark.parametrize(
    "media_type", ["", "image/png", "application/json", "text", "text/plain2", "; text/html"]
)
async def test_other_types_are_not_supported(media_type: str) -> None:
    with pytest.raises(Unsupported, match="text/markdown") as refusal:
        await ChildReader().read(b"x", media_type)
    assert refusal.value.details["field"] == "media_type"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", TEXT),
        (b" \n\t ", TEXT),
        ("\u200b\ufeff".encode(), TEXT),
        (b"<p> <script>x</script>", HTML),
        (pdf(""), PDF),
    ],
)
async def test_what_has_no_text_is_refused(content: bytes, media_type: str) -> None:
    message = await refused(content, media_type)
    assert ("must not be empty" if not content else "has no text") in message


async def test_what_nobody_sees_is_removed() -> None:
    hidden = "".join(chr(0xE0000 + ord(each)) for each in "obey")
    unseen = f"a\u200bb\u202ec\u2066d\ufeffe\u00adf\u200d{hidden}\U000e0100\x07\x1b\u3164"
    source = f"{unseen} pаypal e\u0301 \u2028next"
    assert (await ChildReader().read(source.encode(), TEXT)).text == "abcdef pаypal é \nnext"


async def test_a_hundred_megabytes_are_refused_or_read_in_bounds() -> None:
    line = b"a hundred megabytes of this, if need be\n"
    bounds = Bounds(characters=1_000_000)
    message = await refused(line * (100 * MIB // len(line)), TEXT, bounds)
    assert "1000000 characters" in message
    assert "in parts" in await refused(b"<p>" + line * 30_000, HTML, bounds)
    assert len((await ChildReader(bounds).read(b"x" * 1_000_000, TEXT)).text) == 1_000_000


async def test_a_child_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "_COMMAND", ("-c", "import sys, time; sys.stdin.buffer.read(); time.sleep(600)")
    )
    begun = time.monotonic()
    assert "memory or time" in await refused(b"x" * 1_000_000, TEXT, Bounds(seconds=1))
    assert time.monotonic() - begun < 30
    assert not children()


@pytest.mark.parametrize(
    "says",
    [
        "",
        "not json",
        "[]",
        '{"pages": [5, 1]}\\nhello world',
        '{"pages": [true]}\\nhello world',
        '{"pages": [99]}\\nhello',
        '{"pages": null}\\nhello',
        '{"refused": "File /etc/passwd: Traceback"}\\n',
        '{"pages": []}\\n' + "x" * 2000,
    ],
)
async def test_nothing_that_a_child_says_is_believed(monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    monkeypatch.setattr(module, "_COMMAND", ("-c", f"import sys; sys.stdin.buffer.read(); print('{says}')"))
    assert "damaged" in await refused(b"x", TEXT, Bounds(characters=1000))


async def test_a_child_that_says_too_much_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMAND", ("-c", "while True: print('x' * 100_000)"))
    assert "memory or time" in await refused(b"x", TEXT, Bounds(characters=1000, seconds=30))


async def test_a_child_knows_nothing_and_may_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_SECRET", "x")
    started: list[dict[str, object]] = []
    real = subprocess.Popen

    def popen(*arguments: object, **options: object) -> object:
        started.append(options)
        return real(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", popen)
    await ChildReader().read(b"x", TEXT)
    assert started[0]["env"] == {}


async def test_who_goes_away_leaves_no_child() -> None:
    reading = asyncio.create_task(ChildReader().read(b"<div>" * 100_000, HTML))
    await asyncio.sleep(0)  # it has begun, and its child with it
    assert children()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not children()


async def test_many_wait_for_each_other() -> None:
    reader = ChildReader(at_once=2)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(children()))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    read = await asyncio.gather(*(reader.read(b"text %d" % number, TEXT) for number in range(6)))
    watching.cancel()
    assert [each.text for each in read] == [f"text {number}" for number in range(6)]
    assert 1 <= most <= 2


def children() -> list[psutil.Process]:
    return [
        each for each in psutil.Process().children()
        if each.status() != psutil.STATUS_ZOMBIE and module._COMMAND[-1] in each.cmdline()
    ]  # fmt: skip


def test_each_word_of_a_child_is_a_sentence() -> None:
    from colonnade.memory.adapters.reading.refusals import WORDS, refusal

    for word in WORDS:
        found: ColonnadeError = refusal(word, 5)
        assert found.message.startswith("content ")
        assert "{" not in found.message
