"""Pictures -> the text on them, read with the models that the wheel of rapidocr carries."""

from __future__ import annotations

import logging
import math
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tera.readers.document import require
from tera.readers.pdf.layout import Run, arranged

if TYPE_CHECKING:
    from PIL.Image import Image

EXTRA = "ocr"
MODULE = "rapidocr"
HINT = "pip install 'tera[ocr]'"

LONGEST_SIDE = 1800
"""Pixels; a page of A4 has 150 a inch then. 2,000 take 0.9 GB for a page, 1,800 take 0.8."""
MOST_AREA = 2_400_000
"""Pixels; of a square picture, as that takes memory as a page does."""
_LEAST_SIDE = 64
"""Narrower strips get a margin: the library would enlarge them until they are 30 wide."""
_THREADS = 2
"""Reading goes on in the background; the machine is somebody's."""
_CONFIDENT = 0.85
"""Upright text is read with 0.95 and more, and 0.7 when it stands on its head."""
_FLAT = 1.5
"""The picture of a word is that much wider than high, when it is upright."""


def can_recognise() -> bool:
    """Return whether the optional part is installed."""
    return find_spec(MODULE) is not None


def recognised(picture: Image) -> str:
    """Return the text on a picture in reading order; empty if there is none.

    Args:
        picture: In any mode; turned by quarters if its lines do not run to the right.

    Raises:
        MissingExtraError: The optional part is not installed.
    """
    require(EXTRA, MODULE)
    picture = _fitted(_on_white(picture))
    best = _lines(picture)
    if not best.words:
        return ""
    quarters = [1, 3] if best.is_on_side else [2] if best.score < _CONFIDENT else []
    for quarter in quarters:
        turned = _lines(picture.rotate(90 * quarter, expand=True))
        if turned.score > best.score and not turned.is_on_side:
            best = turned
        if best.score >= _CONFIDENT and not best.is_on_side:
            break
    return arranged(best.words)


def _fitted(picture: Image) -> Image:
    """Return a picture no larger than is needed; small ones twice as large, as letters may be."""
    from PIL import Image as images

    width, height = picture.size
    scale = min(LONGEST_SIDE / max(picture.size), math.sqrt(MOST_AREA / (width * height)), 2.0)
    if not 1.0 <= scale < 2.0:
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), images.Resampling.BICUBIC)
    if min(picture.size) >= _LEAST_SIDE:
        return picture
    width, height = (max(side, _LEAST_SIDE) for side in picture.size)
    padded = images.new("RGB", (width, height), "white")
    padded.paste(picture)
    return padded


class _Lines:
    """What was found on a picture: its lines, and how sure the model is of a letter."""

    def __init__(self, found: Any) -> None:
        self.words: list[Run] = []
        letters = 0
        score = on_side = 0.0
        if found.txts is None or found.boxes is None or found.scores is None:
            found.txts = found.boxes = found.scores = ()
        for text, box, sure in zip(found.txts, found.boxes, found.scores, strict=True):
            words = " ".join(unicodedata.normalize("NFC", text).split())
            # Of textures, the model reads lone marks.
            if not any(letter.isalnum() for letter in words):
                continue
            across, down = ([float(point[axis]) for point in box] for axis in (0, 1))
            run = Run(words, min(across), min(down), max(across), max(down))
            self.words.append(run)
            letters += len(words)
            score += float(sure) * len(words)
            if len(words) > 1 and run.height > _FLAT * (run.right - run.left):
                on_side += len(words)
        self.score = score / letters if letters else 0.0
        self.is_on_side = on_side > letters / 2


def _lines(picture: Image) -> _Lines:
    import numpy as np

    # The model was trained with blue first.
    return _Lines(_engine()(np.asarray(picture)[:, :, ::-1]))


@cache
def _engine() -> Any:
    """Load the models once; they are named one by one, as others would be downloaded."""
    import rapidocr

    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    folder = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": LONGEST_SIDE,
            # By default a strip of 1,800 by 10 would be blown up to a height of 736.
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            # It takes some upright lines for turned ones; whole pictures are turned here.
            "Global.use_cls": False,
            "Det.model_path": str(folder / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(folder / "PP-OCRv6_rec_small.onnx"),
            # One line at a time takes a third less memory, and no more time.
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _on_white(picture: Image) -> Image:
    """Return a picture in colours; what is transparent becomes white, as most text is dark."""
    from PIL import Image as images

    excess = max(picture.size) // LONGEST_SIDE
    if excess > 1 and picture.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        # First of all, as each step below holds another copy.
        picture = picture.reduce(excess)
    if picture.mode.startswith(("I", "F")):
        low, high = picture.getextrema()
        scale = 255 / (float(high) - float(low) or 1.0)
        picture = picture.convert("F").point(lambda value: (value - float(low)) * scale)
        picture = picture.convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = images.new("RGBA", picture.size, "white")
        return images.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB") if picture.mode != "RGB" else picture
