from __future__ import annotations

import html
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tera.errors import UnreadableFileError
from tera.readers.document import PART_CHARACTERS
from tera.readers.web import html as reader
from tera.readers.web.archives import is_web_archive
from tera.readers.web.html import is_html
from tests.documents import drafts
from tests.unit.readers.text_samples import only, read, samples

WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "S"), exclude_characters="\ufffd"),
    min_size=1,
    max_size=30,
)
STORY = "".join(
    f"<p>Paragraph {n} tells at some length what happened to the old harbour.</p>" for n in range(8)
)


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>"


def text_of(folder: Path, body: str, head: str = "") -> str:
    return only(read(folder, "page.html", page(body, head), "html")).text


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["h1", "h2", "p", "li", "pre", "div"]), WORDS), min_size=1)
)
def test_all_text_of_a_page_without_a_clear_main_text_is_kept(parts: list[tuple[str, str]]) -> None:
    body = "".join(f"<{tag}>{html.escape(words)}</{tag}>" for tag, words in parts)
    with tempfile.TemporaryDirectory() as folder:
        text = text_of(Path(folder), body)
    place = 0
    for _, words in parts:
        place = text.index(words, place) + len(words)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("one<br>two<div>three</div>", "one\ntwo\n\nthree\n"),
        ("<h2>Head</h2>text", "## Head\n\ntext\n"),
        ("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>", "- a\n- b\n  1. c\n  2. d\n"),
        ("<dl><dt>k<dd>v</dl>", "k\n\n- v\n"),
        ("<pre>a  b\n c</pre>", "```\na  b\n c\n```\n"),
        (
            "<table><tr><th>A<th>B<tr><td>1<td>2<tr><td><td>4</table>",
            "A: 1; B: 2\nB: 4\n",
        ),
        ("<table><tr><td>1<td>2<tr><td>3<td>4</table>", "1; 2\n3; 4\n"),
        ("<table><tr><th colspan=2>A<th>B<tr><td>1<td>2<td>3</table>", "A: 1; A: 2; B: 3\n"),
        ("<table><tr><th>A<th>B</table>", "A; B\n"),
        ("<table><tr><td><p>one</p><h2>two</h2></td></tr></table>", "one\n\n## two\n"),
        ("<table><tr><td><table><tr><td>a<td>b</table><td>c</table>", "a; b\n\nc\n"),
        ("<a href='https://x.example'>site</a>", "site: https://x.example\n"),
        ("see <a href='https://x.example'>site</a>", "see site\n"),
        ("<a href='javascript:x()'>site</a>", "site\n"),
        ("a<script>b</script><style>c</style><template>d</template>e", "a\n\ne\n"),
        ("<p hidden>a</p><p style='display: none'>b</p>c", "c\n"),
        ("a &amp; &lt;b&gt; &eacute; &#x1F642; &#0; &#xD800;", "a & <b> é 🙂 \ufffd"),
        ("a\u0007b", "ab\n"),
        ("<td>stray<tr>cells</td></tr></table>", "stray"),
        ("<table><tr><td>a<tr><td><div><td>b</div></table>", "b"),
    ],
)
def test_html_becomes_light_markdown(tmp_path: Path, body: str, expected: str) -> None:
    text = text_of(tmp_path, body)
    assert text == expected or (not expected.endswith("\n") and expected in text)


def test_the_main_text_is_kept_whole_and_what_is_around_it_left_out(tmp_path: Path) -> None:
    text = text_of(
        tmp_path,
        "<nav>menu</nav><div class=banner>Buy our new paint today, only this week.</div>"
        f"<article><h1>Head</h1>{STORY}<pre>code</pre><details>more</details></article>"
        "<aside>Something else that you may like to read some day.</aside><footer>imprint</footer>",
    )
    assert text.startswith("# Head\n\nParagraph 0 tells")
    assert text.endswith("Paragraph 7 tells at some length what happened to the old harbour.\n\n"
                         "```\ncode\n```\n\nmore\n")  # fmt: skip


@pytest.mark.parametrize(
    "head",
    [
        '<meta property="article:published_time" content="2024-05-03T14:02:00Z">',
        '<script type="application/ld+json">{"datePublished": "2024-05-03T14:02:00Z"}</script>',
        '<meta itemprop="datePublished" content="2024-05-03T16:02:00+02:00">',
    ],
)
def test_a_page_may_say_when_it_was_published(tmp_path: Path, head: str) -> None:
    draft = only(read(tmp_path, "page.html", page(STORY, head), "html"))
    assert draft.at == datetime(2024, 5, 3, 14, 2, tzinfo=UTC)


def test_a_page_without_title_and_date_is_known_by_its_name(tmp_path: Path) -> None:
    draft = only(read(tmp_path, "page.html", page("<p>words</p>"), "html"))
    assert (draft.title, draft.at) == ("page.html", None)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", ""),
        ("utf-8", "iso-8859-1"),
        ("utf-16", "utf-8"),
        ("cp1252", "iso-8859-1"),
        ("cp1252", ""),
        ("cp1252", "no-such-encoding"),
        ("cp1252", "rot13"),
        ("iso8859-15", "iso-8859-15"),
    ],
)
def test_the_encoding_is_what_the_bytes_prove_or_the_page_says(
    tmp_path: Path, encoding: str, said: str
) -> None:
    meta = f'<meta charset="{said}">' if said else ""
    data = f"<html><head>{meta}</head><body><p>Grüße für Zoë aus Köln</p></body></html>"
    found = only(read(tmp_path, "page.html", data.encode(encoding), "html"))
    assert found.text == "Grüße für Zoë aus Köln\n"


def test_images_in_a_saved_page_cost_nothing(tmp_path: Path) -> None:
    image = "data:image/png;base64," + "QUJD" * 3_000_000
    text = text_of(tmp_path, f"<article><h1>Head</h1>{STORY}<img src='{image}'></article>")
    assert "QUJD" not in text
    assert "Paragraph 7" in text


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 100_000 + "deep",
        "<table><tr><td>" * 20_000 + "deep",
        "<ul><li>" * 20_000 + "deep",
        "<b><i>" * 20_000 + "deep",
        "<p>deep" * 30_000,
        "<table>" + "<td>x" * 100_000 + "<tr><td>deep</table>",
        "<table><tr><td>" + "<tr>" * 50_000 + "deep",
        "deep<a href='" + "x" * 2_000_000,
        "deep<!--" * 50_000,
        "deep<script>" * 20_000,
        "deep &amp" * 100_000,
    ],
)
def test_hostile_pages_are_read(tmp_path: Path, body: str) -> None:
    assert "deep" in text_of(tmp_path, body)


def test_entities_are_not_expanded_and_no_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("under the mat")
    text = (
        '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">'
        f'<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><html><body>text &b; &x;</body></html>'
    )
    found = only(read(tmp_path, "x.xhtml", text, "html")).text
    assert found.startswith("text")
    assert "aaaa" not in found
    assert "under the mat" not in found


def test_a_page_is_read_without_a_network_and_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    body = f"<article>{STORY}<img src=https://x.example/a.png><iframe src=https://x.example>"
    path.write_text(page(body, "<link rel=stylesheet href=https://x.example/a.css>"))
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise SystemExit('it tried to connect')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from tests.documents import drafts\n"
        f"print(len(drafts(Path({str(path)!r}), 'html')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize("body", ["", "<script>x</script>", "<img src=x>", "<!-- x -->", " \n"])
def test_a_page_without_text_says_so(tmp_path: Path, body: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"^page\.html has no text in it$"):
        text_of(tmp_path, body)


def test_text_that_a_page_hides_is_read_when_there_is_no_other(tmp_path: Path) -> None:
    assert text_of(tmp_path, "<div hidden>words</div>") == "words\n"


@pytest.mark.parametrize("limit", ["MAX_PAGE_CHARACTERS", "MAX_SAVED_BYTES"])
def test_a_huge_page_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(reader, limit, 1_000_000)
    path = tmp_path / "page.html"
    body = "".join(f"<h2>Day {n}</h2><p>Words für den Tag {n}, 好.</p>" for n in range(50_000))
    path.write_text(page(body))
    found = drafts(path, "html")
    assert len(found) > 1
    text = "".join(draft.text for draft in found)
    assert all(f"## Day {n}\n\nWords für den Tag {n}, 好.\n" in text for n in (0, 9_999, 49_999))
    assert all(len(draft.text) <= PART_CHARACTERS for draft in found)
    assert all(draft.text.lstrip().startswith("## Day") for draft in found)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<!DOCTYPE html><html><body>x", True),
        (b"\xef\xbb\xbf<html lang=de>", True),
        (b"<!-- saved -->\n<!doctype HTML>", True),
        ("<html><body>x".encode("utf-16"), True),
        (b"<p>a</p><p>b</p><p>c</p><div>d</div>", True),
        (b"# Notes\n\n<div align=center>x</div>\n", False),
        (b"<p align=center>A title</p>\n\n# Notes\n", False),
        (b"Use <html> as the first tag", False),
        (b"<?xml version='1.0'?><rss></rss>", False),
        (b"<?php echo '<html>'; ?>", False),
        (b"", False),
        (b"\0\1\2", False),
    ],
)
def test_html_is_told_by_how_it_begins(data: bytes, expected: bool) -> None:
    assert is_html(data) is expected


def test_samples_of_other_types_are_no_web_pages() -> None:
    for kind in ("text", "markdown", "rst", "org", "code", "csv", "json", "jsonl"):
        for path in samples(kind):
            assert not is_html(path.read_bytes())
            assert not is_web_archive(path.read_bytes())


def test_a_mail_is_no_web_archive() -> None:
    mail = b"To: ann@x.example\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n"
    assert not is_web_archive(mail)
    assert all(is_web_archive(path.read_bytes()) for path in samples("html") if "mht" in path.name)
