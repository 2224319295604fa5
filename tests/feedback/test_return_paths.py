"""The envelope sender says which delivery came back, within RFC 5321's lengths, and nobody can make one up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from config.environment import parse_bounce_address
from mailer.audience.return_paths import ReturnPaths, delivery_named_in, delivery_of

LONGEST = "a" * 22 + "@bounce.example.org"
IDS = st.integers(min_value=1, max_value=2**63 - 1)


@pytest.fixture(autouse=True)
def bounce_address(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = "bounces@bounce.example.org"


@given(pk=IDS)
def test_an_envelope_sender_is_read_as_it_was_made_in_any_case(pk: int):
    made = ReturnPaths().make(pk)
    assert delivery_of(made) == delivery_of(made.upper()) == delivery_of(f"<{made}>") == pk
    assert len(made.partition("@")[0]) <= 64
    assert made.startswith("bounces+")
    assert made.endswith("@bounce.example.org")


def test_with_the_longest_address_and_id_it_has_at_most_64_characters_before_the_at(settings: Settings):
    settings.BOUNCE_ADDRESS = parse_bounce_address(LONGEST)
    assert len(ReturnPaths().make(2**63 - 1).partition("@")[0]) <= 64
    with pytest.raises(ValueError, match="at most 22"):
        parse_bounce_address("a" + LONGEST)


def test_no_character_of_it_can_be_changed():
    made = ReturnPaths().make(123456)
    local = made.partition("@")[0]
    for place in range(len("bounces+"), len(local)):
        for other in "0123456789abcdef.":
            if other != local[place]:
                assert delivery_of(local[:place] + other + local[place + 1 :] + "@bounce.example.org") is None
    for altered in ("bounces@bounce.example.org", made.replace(".", ""), made.replace("+", "+0", 1), "", "+.@"):
        assert delivery_of(altered) is None


def test_an_earlier_key_still_counts_and_a_foreign_one_does_not(settings: Settings):
    made = ReturnPaths().make(7)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert delivery_of(made) == 7
    settings.SECRET_KEY_FALLBACKS = []
    assert delivery_of(made) is None


def test_a_token_for_another_purpose_is_no_envelope_sender(settings: Settings):
    made = ReturnPaths().make(7)
    settings.SECRET_KEY = f"return-path {settings.SECRET_KEY}"
    assert delivery_of(made) is None


@pytest.mark.parametrize("wrapped", ["SRS0=HHH=TT=bounce.example.org={}@forwarder.example", "prvs=0123456789={}@x.org"])
def test_what_forwarders_make_of_it_is_read_too(wrapped: str):
    assert delivery_of(wrapped.format(ReturnPaths().make(99).partition("@")[0])) == 99


def test_it_is_found_in_what_a_report_gives_back_also_in_quoted_printable():
    made = ReturnPaths().make(4711).encode()
    assert delivery_named_in(b"Subject: x\r\n\r\nReturn-Path: <" + made + b">\r\n") == 4711
    folded = made[:20] + b"=\r\n" + made[20:]
    assert delivery_named_in(b"Return-Path: <" + folded + b">\r\n") == 4711
    assert delivery_named_in(b"0a.0123456789abcdef01234567 " * 3 + made) == 4711
    assert delivery_named_in(bytes(range(256)) * 10) is None
