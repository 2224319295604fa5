"""What is written into a cell is no formula, and comes back as it was."""

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience import cells

DANGER = "=+-@\t\r"
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30) | st.text("'=+-@\t\r a", max_size=6)


@given(TEXT.map(str.strip))
def test_a_value_comes_back_from_its_cell_as_it_was(value: str):
    assert cells.cleaned(cells.sheltered(value)) == value


@given(TEXT)
def test_no_cell_begins_like_a_formula(value: str):
    assert cells.sheltered(value)[:1] not in DANGER or value == ""


@pytest.mark.parametrize(
    ("cell", "value"), [("'=1+1", "=1+1"), ("''=1", "'=1"), ("'n Beetje", "'n Beetje"), (" a ", "a")]
)
def test_only_the_apostrophe_before_a_formula_is_taken_off(cell: str, value: str):
    assert cells.cleaned(cell) == value


@pytest.mark.parametrize(
    "cell", ["[1]", "{", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": "\\u0000"}', "[" * 9000]
)
def test_what_no_database_could_store_is_refused(cell: str):
    with pytest.raises(ValidationError):
        cells.attributes(cell)


JSON = st.dictionaries(
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=5),
    st.none() | st.booleans() | st.integers(-9, 9) | st.lists(st.text("aé\U0001f4ec", max_size=3)),
    max_size=4,
)


@given(JSON)
def test_attributes_keep_their_types(value: dict[str, object]):
    assert json.loads(f"{{{cells.attributes(json.dumps(value))}}}") == value


def test_a_moment_is_brought_to_utc():
    assert cells.membership("subscribed_at")("2026-11-23T15:00:00+01:00") == '"subscribed_at": "2026-11-23 14:00:00"'
    with pytest.raises(ValidationError, match="no moment such as"):
        cells.membership("subscribed_at")("yesterday")
