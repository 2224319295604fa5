"""One click through the real web server, set up as in production: behind a proxy that ends TLS, with its redirect on."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from config.environment import BASE_DIR
from tests.local.waiting import wait_until
from tests.servers import accepts, free_port

SET_UP = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)  # as the Procfile's release does
from mailer.audience.links import make_token
from mailer.models import Recipient, RecipientList, Subscription
news = RecipientList.objects.create(slug="news", name="News")
for name in ("ada", "bea", "cid"):
    person = Recipient.objects.create(email=f"{name}@example.org")
    Subscription.objects.create(list=news, recipient=person)
    print(make_token("unsubscribe", news.pk, person.pk))
print(make_token("unsubscribe", news.pk, 99))
"""
ACTIVE = "SELECT COUNT(*) FROM mailer_subscription WHERE status = 'active'"
FORM = ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click")
MULTIPART = (
    "multipart/form-data; boundary=b",
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
)
TLS = {"X-Forwarded-Proto": "https"}


class Site:
    """The running server, and its database."""

    def __init__(self, folder: Path) -> None:
        self.port, self._database = free_port(), folder / "db.sqlite3"
        self.environment = os.environ | {
            "SECRET_KEY": "for-this-test-alone-0123456789-0123456789-abcdefgh",
            "ALLOWED_HOSTS": "post.example.org",
            "HTTPS": "true",
            "DEBUG": "false",
            "BEHIND_PROXY": "true",
            "DATABASE_URL": f"sqlite:///{self._database}",
            "VAR_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        command = [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", SET_UP]
        done = subprocess.run(command, cwd=BASE_DIR, env=self.environment, capture_output=True, text=True, check=True)
        self.tokens = done.stdout.split()

    def active(self) -> int:
        with closing(sqlite3.connect(self._database)) as database:
            (count,) = database.execute(ACTIVE).fetchone()
        return int(count)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": "post.example.org", **named})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("production"))
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{site.port}", "--log-level=error"]
    server = subprocess.Popen(command, cwd=BASE_DIR, env=site.environment)
    try:
        wait_until(lambda: accepts(site.port))
        yield site
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize("forwarded", [TLS, {}], ids=["https", "plain http"])
@pytest.mark.parametrize("encoding", [FORM, MULTIPART], ids=["urlencoded", "multipart"])
def test_one_click_acts_without_redirect_or_cookie(site: Site, encoding: tuple[str, bytes], forwarded: dict[str, str]):
    kind, body = encoding
    answer = site.ask("POST", f"/u/{site.tokens[0]}", body, Content_Type=kind, **forwarded)
    assert (answer.status, answer.getheader("Location"), answer.getheader("Set-Cookie")) == (200, None, None)


def test_what_scanners_do_changes_nothing_and_the_click_does(site: Site):
    site.ask("POST", f"/u/{site.tokens[0]}", FORM[1], Content_Type=FORM[0], **TLS)
    before = site.active()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        assert site.ask(method, f"/u/{site.tokens[1]}", **TLS).getheader("Set-Cookie") is None
    assert site.active() == before
    assert site.ask("POST", f"/u/{site.tokens[1]}", FORM[1], Content_Type=FORM[0], **TLS).status == 200
    assert site.active() == before - 1


def test_rubbish_is_answered_and_who_was_erased_gets_the_same_page(site: Site):
    known, unknown = (
        site.ask("POST", f"/u/{site.tokens[place]}", FORM[1], Content_Type=FORM[0], **TLS) for place in (0, -1)
    )
    assert (known.status, known.getheader("Content-Length")) == (unknown.status, unknown.getheader("Content-Length"))
    for body in (b"", b"\xff" * 1_000_000, MULTIPART[1][:40]):
        for kind in (FORM[0], MULTIPART[0], "text/plain"):
            assert site.ask("POST", f"/u/{'x' * 30}", body, Content_Type=kind, **TLS).status in (200, 400, 413)


def test_every_other_page_is_redirected_to_https(site: Site):
    answer = site.ask("GET", "/admin/")
    assert (answer.status, answer.getheader("Location")) == (301, "https://post.example.org/admin/")
