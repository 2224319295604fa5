"""An admin holds mails to a limit: a digest waits, its page says for what, and goes on when the limit is lifted."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.service import Service
from tests.fake_relay import FakeRelay

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.timeout(300)
_NEW_ITEM = """
from django.utils import timezone
from mailer.models import Digest, DigestItem
digest = Digest.objects.exclude(name="Town digest").earliest("pk")
DigestItem.objects.create(list=digest.list, title="The ferry is late", published_at=timezone.now())
print("digest", digest.pk)
"""


def test_a_digest_waits_for_a_limit_and_goes_on_when_it_is_lifted(
    open_page: OpenPage, service: Service, relay: FakeRelay
):
    relay.rules.clear()
    page = open_page("/admin/mailer/sendinglimit/")
    expect(page.get_by_text("No limits: mails leave as fast as")).to_be_visible()
    page.goto("/admin/mailer/sendinglimit/add/")
    page.get_by_role("spinbutton", name=re.compile("^Mails")).fill("10")
    page.get_by_role("combobox", name=re.compile("^Per")).select_option("minute")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="10 mails a minute, all mail").last).to_be_visible()

    before = len(relay.received)
    digest = re.findall(r"digest (\d+)", service.manage("shell", "-c", _NEW_ITEM))[-1]
    page.goto(f"/admin/mailer/digest/{digest}/change/")
    page.get_by_role("link", name=re.compile("Send now")).click()
    page.get_by_role("button", name=re.compile("Send now to")).click()
    expect(page.get_by_text(re.compile(r"\d+ mails wait for a sending limit"))).to_be_visible()
    assert len(relay.received) - before == 9, "a tenth is kept for single mails"

    mailing = page.url
    page.goto("/admin/mailer/sendinglimit/")
    expect(page.get_by_text("9 of 10 in the last minute")).to_be_visible()
    page.get_by_role("link", name="10 mails a minute, all mail").last.click()
    page.get_by_label("Applies").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(mailing)
    expect(page.get_by_text("Done").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("wait for a sending limit")).to_have_count(0)
    assert len({mail.recipient for mail in relay.received[before:]}) == len(relay.received) - before > 9
