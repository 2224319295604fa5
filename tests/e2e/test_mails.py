"""The shipped mails in a browser: nobody is shut out, nothing sticks out, and SpamAssassin has nothing to say."""

import shutil

import pytest
from playwright.sync_api import Browser

from tests.browser import PHONE
from tests.mails.lint import MOST_POINTS, axe_violations, mails, spam_points
from tests.mails.samples import SLUGS, digest_mail, item, message

MAILS = mails()
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.mark.parametrize("name", MAILS)
def test_axe_finds_nothing(browser: Browser, name: str):
    assert axe_violations(browser, MAILS[name]) == []


@pytest.mark.parametrize("name", [*MAILS, "long words"])
def test_a_mail_fits_into_a_phone(browser: Browser, name: str):
    long = item(LONG, summary=LONG, category=LONG, image_url="https://a.example/x.png")
    mail = MAILS.get(name) or digest_mail([long, long])
    page = browser.new_page(viewport=PHONE)
    page.set_content(mail.html)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.close()


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="SpamAssassin is not installed")
@pytest.mark.parametrize("slug", SLUGS)
def test_spamassassin_has_nothing_to_say(slug: str):
    points, rules = spam_points(message(slug))
    assert points <= MOST_POINTS, rules
