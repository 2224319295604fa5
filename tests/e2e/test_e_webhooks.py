"""An admin has another program told: an endpoint, its secret, a test, somebody who leaves, and a replay."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from afternoon_post import verify_webhook
from tests.fake_web import FakeWeb, Reply, started_web

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with started_web() as running:
        running.replies["/hook"] = Reply(200, b"Thank you")
        yield running


def test_another_program_is_told_of_who_leaves(open_page: OpenPage, web: FakeWeb):
    page = open_page("/admin/mailer/webhookendpoint/add/")
    page.get_by_label("Name", exact=False).first.fill("CRM")
    page.get_by_label("Address", exact=False).first.fill(f"{web.url}/hook")
    page.get_by_label("Somebody left a list, or complained").check()
    page.get_by_role("button", name="Save", exact=True).click()
    secret = page.get_by_label("The secret").input_value()
    page.get_by_role("link", name="To the endpoint's page").click()
    expect(page.get_by_text("Nothing has been sent to it yet")).to_be_visible()
    page.get_by_role("button", name="Send a test event").click()
    expect(page.get_by_text(re.compile(r"It took the test event, in \d+ ms"))).to_be_visible()
    assert verify_webhook(web.asked[0].headers, web.asked[0].body, secret).type == "webhook.test"

    page.goto("/admin/mailer/recipient/?q=felix.graf")
    page.get_by_role("link", name="felix.graf@example.org").click()
    page.get_by_text("Unsubscribe…").first.click()
    form = page.locator("form[action$='/unsubscribe/']").first
    form.get_by_role("textbox").fill("by phone")
    form.get_by_role("button").click()
    expect(page.get_by_text("Unsubscribed from").first).to_be_visible()
    page.goto("/admin/mailer/webhookdelivery/")
    expect(page.get_by_role("link", name="recipient.unsubscribed").first).to_be_visible()
    for _ in range(100):
        if len(web.asked) > 1:
            break
        page.wait_for_timeout(200)
    event = verify_webhook(web.asked[1].headers, web.asked[1].body, secret)
    assert (event.type, event.data["source"]) == ("recipient.unsubscribed", "staff: by phone")

    page.get_by_role("link", name="recipient.unsubscribed").first.click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("1 event on the way once more")).to_be_visible()
