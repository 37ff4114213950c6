from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tera.readers.pdf import ocr

DATA = Path(__file__).parents[2] / "data" / "image"


def test_the_models_are_those_of_the_wheel_and_nothing_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import requests

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the library tried to download something")

    monkeypatch.setattr(requests.Session, "request", refused)
    ocr._engine.cache_clear()
    with Image.open(DATA / "dark.png") as picture:
        assert ocr.recognised(picture) == "Night mode is read too"


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 5000), (3000, 8), (40, 40)])
def test_a_picture_of_any_shape_without_text_gives_nothing(size: tuple[int, int]) -> None:
    assert ocr.recognised(Image.new("RGB", size, "white")) == ""


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_a_picture_of_any_mode_is_taken(mode: str) -> None:
    assert ocr.recognised(Image.new(mode, (64, 64))) == ""


def test_the_picture_itself_is_left_as_it_was() -> None:
    with Image.open(DATA / "sign.png") as picture:
        before = picture.copy()
        ocr.recognised(picture)
        assert picture.size == before.size
        assert picture.tobytes() == before.tobytes()
