"""Memory ids and their numbers."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tera.indexes.keys import id_of, number_of, numbers_of

IDS = st.text(string.ascii_letters + string.digits, max_size=10)


@given(IDS)
def test_a_number_names_its_id(memory_id: str) -> None:
    assert id_of(number_of(memory_id)) == memory_id
    assert number_of(memory_id) < 2**64


@given(IDS, IDS)
def test_numbers_have_the_order_of_their_ids(one: str, other: str) -> None:
    assert (number_of(one) < number_of(other)) == (one < other)


@pytest.mark.parametrize("text", ["elevenchars", "a b", "ä", "a-b"])
def test_what_is_no_id_has_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a memory's id"):
        number_of(text)


def test_numbers_of_several_are_sorted_and_unique() -> None:
    assert numbers_of(["b", "a", "b"]).tolist() == [number_of("a"), number_of("b")]
