"""An address is brought to one form at one place, and what is none is refused with the reason."""

import pytest
from django.core.exceptions import ValidationError
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from mailer.models import InvalidAddress, Recipient, RecipientList, normalise_address
from mailer.models.addresses import MAX_LENGTH, PLAIN


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Zoe@Example.ORG ", "zoe@example.org"),
        ("zoe@MÜLLER.example", "zoe@xn--mller-kva.example"),
        ("zoe@faß.example", "zoe@xn--fa-hia.example"),  # IDNA 2008; IDNA 2003 would send it to fass
        ("zoe+news@example.org", "zoe+news@example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_an_address_is_normalised(text: str, normal: str):
    assert normalise_address(text) == normal
    assert normalise_address(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "", "zoe", "zoe@", "@example.org", "zoe@localhost", "zoe@x.test", "a@x.org, b@x.org", "a@b@x.org", "a b@x.org",
        "a" * 65 + "@example.org", "zoe@example..org", ".zoe@example.org", "zoe@exa\r\nmple.org", "zoe@example.org\r\nBcc: x@y.org",
        "почта@example.org", "zoe@-x.org", "<zoe@example.org>", "Zoe <zoe@example.org>", "zoe@[127.0.0.1]", "zoe\u200b@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_one_sentence(text: str):
    with pytest.raises(InvalidAddress) as refusal:
        normalise_address(text)
    assert len(refusal.value.messages) == 1


@given(st.text(max_size=80))
def test_any_text_is_normalised_for_good_or_refused(text: str):
    try:
        normal = normalise_address(text)
    except ValidationError:
        return
    assert normalise_address(normal) == normal
    assert normal.isascii()
    assert normal.count("@") == 1


@pytest.mark.django_db
def test_a_recipient_is_stored_and_found_in_the_normal_form():
    Recipient.objects.create(email="Zoe@Example.org")
    assert Recipient.objects.get(email="zoe@EXAMPLE.org").email == "zoe@example.org"


WORDS = st.lists(st.text("abz09_+-", min_size=1, max_size=20), min_size=1, max_size=5).map(".".join)
LABELS = st.lists(st.text("abz09-", min_size=1, max_size=60), min_size=1, max_size=4).map(".".join)
ENDINGS = st.sampled_from(["org", "example", "test", "local", "latest", "x", "a9"])


@given(WORDS, LABELS, ENDINGS)
def test_what_is_plain_is_what_the_long_way_finds_too(local: str, labels: str, ending: str):
    address = f"{local}@{labels}.{ending}"
    if not PLAIN.fullmatch(address):
        return
    found = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    assert str(found.ascii_email).lower() == address
    assert len(address) <= MAX_LENGTH


@pytest.mark.parametrize("field", ["from_email", "reply_to"])
@pytest.mark.parametrize("text", ["post@example.org\r\nBcc: x@y.org", "post@example.org\x0bX: 1", "a@x.org, b@x.org"])
def test_a_lists_own_address_is_one_address_too(field: str, text: str):
    with pytest.raises(ValidationError) as refusal:
        RecipientList(slug="news", name="News", **{field: text}).clean_fields()
    assert set(refusal.value.message_dict) == {field}
