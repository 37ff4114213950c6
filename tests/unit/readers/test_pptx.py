from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.errors import UnreadableFileError, UnsupportedFormatError
from tera.readers.document import Failure
from tests.documents import drafts, items
from tests.unit.readers.packages import (
    DATA,
    DRAWING,
    WORDS,
    docx_parts,
    relations,
    write_package,
)


def shape(text: str, *, kind: str = "", x: int = 0, y: int = 0) -> str:
    mark = f'<p:ph type="{kind}"/>' if kind else ""
    lines = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in text.split("\n"))
    return (
        f"<p:sp><p:nvSpPr><p:nvPr>{mark}</p:nvPr></p:nvSpPr>"
        f'<p:spPr><a:xfrm><a:off x="{x}" y="{y}"/></a:xfrm></p:spPr>'
        f"<p:txBody>{lines}</p:txBody></p:sp>"
    )


def deck(path: Path, *slides: str) -> Path:
    entries = "".join(f'<p:sldId id="{at}" r:id="s{at}"/>' for at in range(len(slides)))
    links = {f"s{at}": f"slide slides/{at}.xml" for at in range(len(slides))}
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations(main="officeDocument ppt/presentation.xml"),
        "ppt/presentation.xml": f"<p:presentation {DRAWING}><p:sldIdLst>{entries}</p:sldIdLst>"
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(**links),
    }
    for at, inner in enumerate(slides):
        parts[f"ppt/slides/{at}.xml"] = (
            f"<p:sld {DRAWING}><p:cSld><p:spTree>{inner}</p:spTree></p:cSld></p:sld>"
        )
    return write_package(path, parts)


def text_of(path: Path) -> str:
    return "\n".join(draft.text for draft in drafts(path, "pptx"))


def test_a_deck_keeps_titles_lists_tables_groups_charts_links_and_notes() -> None:
    (draft,) = drafts(DATA / "pptx/bees.pptx", "pptx")
    assert draft.title == "bees.pptx"
    assert draft.at is not None
    assert "# Slide 2: Why roofs\n\n- Warm in winter\n  - no pesticides\n- Linden" in draft.text
    assert "Notes: Mention the museum roof.\nThen pause." in draft.text
    assert "District: North; Hives: 41" in draft.text
    assert "inner group" in draft.text
    assert "Chart: Yield in kilograms\nHoney: Spring: 12; Summer: 34" in draft.text


def test_shapes_are_told_in_the_order_in_which_they_are_read() -> None:
    text = text_of(DATA / "pptx/plan.pptx")
    assert "linke Spalte\n\nrechte Spalte\n\nSammeln\nOrdnen" in text


def test_a_missing_slide_is_told_and_the_others_keep_their_numbers() -> None:
    found = list(items(DATA / "pptx/plan.pptx", "pptx"))
    (failure,) = (item for item in found if isinstance(item, Failure))
    assert failure.text == "plan.pptx: slide 2 is broken: it is missing"
    assert "# Slide 3: Zweiter Teil" in text_of(DATA / "pptx/plan.pptx")


def test_a_broken_slide_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    path = deck(tmp_path / "x.pptx", shape("first"), "<broken", shape("third"))
    found = list(items(path, "pptx"))
    assert sum(isinstance(item, Failure) for item in found) == 1
    assert text_of(path) == "# Slide 1\n\nfirst\n\n# Slide 3\n\nthird"


def test_a_footer_is_told_once_and_numbers_of_slides_never(tmp_path: Path) -> None:
    inner = shape("text") + shape("ACME", kind="ftr", y=9) + shape("7", kind="sldNum")
    text = text_of(deck(tmp_path / "x.pptx", inner, inner))
    assert text == "# Slide 1\n\ntext\n\nACME\n\n# Slide 2\n\ntext"


def test_slides_of_pictures_alone_have_no_text(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="has no text"):
        drafts(deck(tmp_path / "x.pptx", "<p:pic/>", ""), "pptx")


def test_a_document_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = write_package(tmp_path / "a.pptx", docx_parts(""))
    with pytest.raises(UnsupportedFormatError, match="but a Word document") as raised:
        drafts(path, "pptx")
    assert "--as docx" in raised.value.hint


def test_groups_in_groups_are_bounded(tmp_path: Path) -> None:
    inner = "<p:grpSp>" * 2000 + shape("deep") + "</p:grpSp>" * 2000
    path = deck(tmp_path / "x.pptx", inner, shape("kept"))
    assert sum(isinstance(item, Failure) for item in items(path, "pptx")) == 1
    assert "kept" in text_of(path)


def test_relations_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    path = deck(tmp_path / "x.pptx", shape("round") + "<p:graphicFrame/>")
    assert "round" in text_of(path)


@given(texts=st.lists(WORDS, min_size=1, max_size=5))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    title, *others = texts
    inner = shape(title, kind="title")
    inner += "".join(shape(text, y=(at + 1) * 10**6) for at, text in enumerate(others))
    path = deck(tmp_path_factory.mktemp("pptx") / "x.pptx", inner)
    assert text_of(path).split("\n\n") == [f"# Slide 1: {title}", *others]
