"""The pages at /inbox/."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.test import Client, override_settings

# The usual storage wants collectstatic to have run.
PLAIN_STORAGE = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
NAME = "20261123T150000.000001Z-{:06}"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "secret.eml").write_text("Subject: secret\n\nnothing to see")
    urls = "tests.local.inbox_urls"
    with override_settings(ROOT_URLCONF=urls, LOCAL_INBOX=str(inbox), STORAGES=PLAIN_STORAGE):
        yield inbox


def put(folder: Path, number: int, subject: str, html: str = "<p>Hello</p>") -> str:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "post@example.com", f"r{number}@example.com"
    message.set_content("Hello in text")
    message.add_alternative(html, subtype="html")
    name = NAME.format(number)
    envelope = f"X-Envelope-From: b@example.com\r\nX-Envelope-To: r{number}@example.com\r\n".encode()
    (folder / f"{name}.eml").write_bytes(envelope + message.as_bytes())
    return name


def test_an_empty_inbox_says_what_to_do(folder: Path, client: Client) -> None:
    assert "send_digest" in client.get("/inbox/").content.decode()


def test_the_newest_come_first_fifty_a_page(folder: Path, client: Client) -> None:
    for number in range(51):
        put(folder, number, f"Mail {number}")
    first = client.get("/inbox/").content.decode()
    assert first.index("r50@example.com") < first.index("r1@example.com")
    assert "r0@example.com" not in first
    assert "r0@example.com" in client.get("/inbox/?page=2").content.decode()


@pytest.mark.parametrize("words", ["GRÜSSE", "r7@example"])
def test_a_search_looks_at_subjects_and_addresses(folder: Path, client: Client, words: str) -> None:
    put(folder, 7, "Viele Grüße aus Zürich, und zwar so viele, dass der Betreff über mehrere Zeilen geht: Grüße")
    put(folder, 8, "Something else")
    page = client.get("/inbox/", {"q": words}).content.decode()
    assert "r7@example.com" in page
    assert "r8@example.com" not in page


@pytest.mark.parametrize(
    ("view", "expected"),
    [("html", "iframe"), ("text", "Hello in text"), ("headers", "X-Envelope-To"), ("source", "MIME-Version")],
)
def test_a_mail_has_four_views(folder: Path, client: Client, view: str, expected: str) -> None:
    name = put(folder, 1, "One")
    assert expected in client.get(f"/inbox/{name}/{view}/").content.decode()


def test_a_mails_own_code_cannot_run(folder: Path, client: Client) -> None:
    name = put(
        folder, 1, "<script>alert(1)</script>", "<html><head></head><body><script>alert(2)</script></body></html>"
    )
    body = client.get(f"/inbox/{name}/body/")
    policy = body.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "alert(1)</script>" not in client.get(f"/inbox/{name}/").content.decode()


@pytest.mark.parametrize(
    "path",
    ["..%2Fsecret", "../secret", "%2e%2e/secret", "20261123T150000.000001Z-000009", "20261123T150000.000001Z-..%2F1"],
)
@pytest.mark.parametrize("view", ["", "body/", "source/"])
def test_a_name_that_is_no_mail_is_not_found(folder: Path, client: Client, path: str, view: str) -> None:
    assert client.get(f"/inbox/{path}/{view}").status_code == 404


def test_the_inbox_only_reads(folder: Path, client: Client) -> None:
    name = put(folder, 1, "One")
    assert client.post("/inbox/").status_code == 405
    assert client.delete(f"/inbox/{name}/").status_code == 405
