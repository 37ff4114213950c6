from __future__ import annotations

import pytest
from answer_metrics import locomo_exact, locomo_f1, squad_exact, squad_f1


def test_squad_leaves_case_marks_and_articles_out() -> None:
    assert squad_exact("The Ming dynasty.", ["Song", "ming Dynasty"]) == 1
    assert squad_exact("Ming", ["Ming dynasty"]) == 0


def test_squad_takes_the_best_overlap() -> None:
    assert squad_f1("the Ming dynasty", ["Ming", "Song dynasty"]) == pytest.approx(2 / 3)
    assert squad_f1("nothing", ["Ming"]) == 0


def test_locomo_compares_stems() -> None:
    assert locomo_f1("running and singing", "runs sings", "single-hop") == 1
    assert locomo_exact("7 May, 2023", "7 May 2023") == 1


def test_locomo_splits_lists_and_ends_open_answers() -> None:
    assert locomo_f1("Paris, Rome", "Rome, Oslo", "multi-hop") == 0.5
    assert locomo_f1("Likely yes", "Likely yes; she said so", "open-domain") == 1
