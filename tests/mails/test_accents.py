"""A list's accent can be read wherever it stands, or is refused."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from mailer.models import RecipientList
from mailer.models.colours import ACCENT, NIGHT, PAPER, READABLE, contrast, in_the_dark, validate_accent
from mailer.templating.compile import compile_sources
from mailer.templating.inlining import reasons_to_wait


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colour", ["#ffcc00", "#7fb2c0", "red", "#14566B", "#145", "", "#14566b;x", "{{ x }}"])
def test_a_light_colour_or_none_is_refused(colour: str):
    with pytest.raises(ValidationError):
        validate_accent(colour)


def test_why_a_colour_is_refused_is_said_in_numbers():
    with pytest.raises(ValidationError, match=r"contrast of 1\.4:1, and 4\.5:1 is needed"):
        validate_accent("#ffcc00")


@given(st.integers(0, 0xFFFFFF))
def test_every_accent_has_a_shade_for_the_dark(number: int):
    assert contrast(in_the_dark(f"#{number:06x}"), NIGHT) >= READABLE


def test_a_list_is_checked_when_it_is_saved_in_the_admin():
    mailing_list = RecipientList(
        slug="x", name="X", accent="#ffcc00", logo_url="http://x.example/a.png", logo_width=600
    )
    with pytest.raises(ValidationError) as refused:
        mailing_list.clean_fields()
    assert refused.value.message_dict.keys() == {"accent", "logo_url", "logo_width"}
    assert contrast(ACCENT, PAPER) >= READABLE


def test_an_accent_in_the_style_sheet_is_inlined_with_the_source():
    html = "<style>.a{color:{{ list.accent }};border:1px solid {{ list.accent_dark }}}</style><p class='a'>x</p>"
    assert reasons_to_wait(html) == []
    compiled = compile_sources("s", html, "t").html.source
    assert 'style="color:{{ list.accent }}; border:1px solid {{ list.accent_dark }}"' in compiled


@pytest.mark.parametrize("tag", ["{{ list.name }}", "{{ list.accent|upper }}", "{% if x %}red{% endif %}"])
@pytest.mark.parametrize("css", [".a{{color:{}}}", "@media screen{{.a{{color:{}}}}}"])
def test_any_other_tag_in_the_style_sheet_waits_for_rendering(tag: str, css: str):
    assert len(reasons_to_wait(f"<style>{css.format(tag)}</style><p class='a'>x</p>")) == 1
