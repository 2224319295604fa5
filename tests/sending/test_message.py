"""A message's bytes, read by Python's own parser, which did not write them."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.sending.commands import data_block, read_answer
from mailer.sending.message import Addressee, Sender, build_message, new_boundary, own_head, shared_head
from mailer.sending.stationery import Stationery
from mailer.templating.compile import compile_sources
from mailer.templating.compose import Rendered, compose

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SENDER = Sender("Post", "post@example.org", "reply@example.org", "<news.example.org>")
TO = Addressee("Ada", "ada@example.org", "<1@example.org>", "https://post.example.org/u/" + "x" * 200)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
ONCE = ["Date", "From", "To", "Subject", "Message-ID", "Reply-To", "List-Id", "MIME-Version", "Content-Type"]


def build(mail: Rendered, sender: Sender, to: Addressee, eight_bit: bool) -> bytes:
    boundary = new_boundary()
    return build_message(mail, shared_head(sender, boundary) + own_head(to, mail.subject, NOW), boundary, eight_bit)


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.SMTP)  # type: ignore[return-value]


def check_syntax(raw: bytes, eight_bit: bool) -> None:
    """RFC 5322 section 2.1 and 3.6, RFC 5321 section 4.5.2."""
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert eight_bit or raw.isascii()
    head = raw.split(b"\r\n\r\n")[0].decode("ascii")
    names = re.findall(r"(?m)^([!-9;-~]+):", head)
    assert all(names.count(name) == 1 for name in ONCE)
    assert all(
        len(line) <= 78 for line in head.split("\r\n") if not line.startswith(("List-Unsubscribe", "Message-ID"))
    )


@given(subject=ANY, name=ANY, html=ANY, text=ANY, eight_bit=st.booleans())
def test_whatever_is_in_it_the_message_is_well_formed_and_reads_back(
    subject: str, name: str, html: str, text: str, eight_bit: bool
):
    sender = Sender(name, SENDER.address, SENDER.reply_to, SENDER.list_id)
    to = Addressee(name, TO.address, TO.message_id, TO.unsubscribe_url)
    raw = build(Rendered(subject, html, text), sender, to, eight_bit)
    check_syntax(raw, eight_bit)
    message = parsed(raw)
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.org"]
    assert [address.addr_spec for address in message["From"].addresses] == ["post@example.org"]
    assert message["Bcc"] is None
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]


@pytest.mark.parametrize("eight_bit", [True, False])
def test_the_parts_say_what_was_rendered(eight_bit: bool):
    mail = Rendered("Grüße aus dem Hafen ⚓ " * 6, "<p>Ünïcode</p>\n.\n..dots\n" + "long " * 400, "Zeile\n.\nfin\n")
    raw = build(mail, SENDER, TO, eight_bit)
    check_syntax(raw, eight_bit)
    message = parsed(raw)
    assert message["Subject"] == mail.subject.strip()
    assert message.get_body(("html",)).get_content().split() == mail.html.split()
    assert message.get_body(("plain",)).get_content().splitlines() == mail.text.splitlines()
    assert message["List-Unsubscribe"] == f"<{TO.unsubscribe_url}>"


@pytest.mark.parametrize(
    "break_out",
    ["\r\nBcc: evil@x.org", "\nBcc: e@x.org", "\rBcc: e", "\x0bBcc: e", "\u2028Bcc: e", "\x85Bcc: e", "\x00"],
)
def test_no_value_breaks_out_of_its_header(break_out: str):
    sender = Sender(f"Post{break_out}", "post@example.org", "", "<news.example.org>")
    to = Addressee(f"Ada{break_out}", "ada@example.org", "<1@example.org>")
    raw = build(Rendered(f"Hello{break_out}", "x", "x"), sender, to, True)
    message = parsed(raw)
    assert message["Bcc"] is None
    assert sorted(message.keys()) == sorted(set(message.keys()))


@given(st.binary(max_size=200))
def test_what_the_server_reads_up_to_the_dot_is_the_message(content: bytes):
    message = b"A: b\r\n\r\n" + re.sub(rb"\r(?!\n)|(?<!\r)\n", b"\r\n", content)
    block = data_block(message)
    assert block.endswith(b"\r\n.\r\n")
    lines = block[: -len(b".\r\n")].split(b"\r\n")
    assert b"." not in lines
    unstuffed = b"\r\n".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)
    assert unstuffed.removesuffix(b"\r\n") == message.removesuffix(b"\r\n")


def test_replies_are_read_whole_and_in_order():
    answer, rest = read_answer(b"250-first\r\n250 second\r\n354 go\r\n25")
    assert answer is not None
    assert (answer.code, answer.text) == (250, "first second")
    answer, rest = read_answer(rest)
    assert answer is not None
    assert (answer.code, rest) == (354, b"25")
    assert read_answer(rest) == (None, b"25")
    with pytest.raises(ValueError, match="not SMTP"):
        read_answer(b"HTTP/1.1 400\r\n")


VALUES = st.one_of(ANY, st.sampled_from(["", ".", "..", "a\n.b", "\r", "x" * 1200, "Ünï", "<b>"]))
STATIC = st.lists(
    st.sampled_from(
        [
            "Hi ",
            "\n",
            ".",
            "\n.",
            "\n..x",
            "é",
            "a" * 500,
            " {{ recipient.name }}",
            "{{ recipient.email }}",
            "\r\n",
            "{% if recipient.name %}y{% endif %}",
            "{% for line in recipient.lines %}{{ line }}\n{% endfor %}",
            "{% for line in recipient.lines %}\n.{{ line }} é{% endfor %}",
        ]
    ),
    max_size=8,
)


@given(
    text=STATIC, html=STATIC, subject=STATIC, name=VALUES, lines=st.lists(VALUES, max_size=4), eight_bit=st.booleans()
)
def test_prepared_bytes_are_the_same_as_built_ones(
    text: list[str], html: list[str], subject: list[str], name: str, lines: list[str], eight_bit: bool
):
    compiled = compile_sources("".join(subject), f"<p>{''.join(html)}</p>", "".join(text))
    composition = compose(compiled, {})
    personal = {"recipient": {"name": name, "email": "".join(lines[:1]), "lines": lines}, "links": {}}
    stationery = Stationery(composition, SENDER, eight_bit)
    data = stationery.data(personal, TO, NOW)
    assert data == stationery._built(personal, TO, NOW)
    assert data.count(b"\r\n.\r\n") == 1


def test_an_ordinary_mail_is_made_from_prepared_bytes():
    compiled = compile_sources("Hi", "<p>Hello {{ recipient.name }}</p>", "Hello {{ recipient.name }}!")
    stationery = Stationery(compose(compiled, {}), SENDER, eight_bit=True)
    personal = {"recipient": {"name": "Zoë"}, "links": {}}
    assert stationery._filled(personal, TO, NOW) == stationery._built(personal, TO, NOW)


def test_a_mail_with_items_of_its_own_is_made_from_prepared_bytes():
    listed = "{% for item in items %}<p>{{ item }}</p>\n{% endfor %}"
    compiled = compile_sources("{{ items.0 }}", f"<b>News</b>\n{listed}", f"News\n{listed}That is all.")
    stationery = Stationery(compose(compiled, {}, frozenset({"items"})), SENDER, eight_bit=True)
    personal = {"items": ["\n.dot", "Zoë " * 150, "\n" * 1200]}
    assert stationery._filled(personal, TO, NOW) == stationery._built(personal, TO, NOW)
    assert stationery._filled({"items": ["x" * 1000]}, TO, NOW) is None
