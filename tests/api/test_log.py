"""Programs read the log and the suppressions as staff do, page by page."""

import pytest

from mailer.models import Delivery, Digest, LiftedSuppression, Mailing, Suppression
from mailer.scheduling.planning import plan_now
from tests.api.conftest import Call
from tests.build import make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing(digest: Digest, now: object) -> Mailing:
    make_item(digest.list)
    return plan_now(digest, now)


def test_mailings_are_read_with_their_sums(call: Call, mailing: Mailing):
    (read,) = call("GET", "mailings?list=news&status=sending").json()["results"]
    assert (read["id"], read["digest"], read["planned"], read["sent"]) == (mailing.pk, "news", 3, 0)
    assert call("GET", f"mailings/{mailing.pk}").json() == read
    assert call("GET", "mailings?digest=other").json() == {"results": [], "next": None}
    assert call("GET", "mailings?status=nonsense").status_code == 422
    assert call("GET", "mailings/1234567").status_code == 404


def test_a_mailings_mails_are_read_page_by_page(call: Call, mailing: Mailing):
    Delivery.objects.filter(recipient__email="person1@example.org").update(status="failed", smtp_code=550)
    found, cursor = [], ""
    for _ in range(2):
        page = call("GET", f"mailings/{mailing.pk}/deliveries?limit=2{cursor}").json()
        found += [mail["email"] for mail in page["results"]]
        cursor = f"&cursor={page['next']}"
    assert (found, page["next"]) == (["person2@example.org", "person1@example.org", "person0@example.org"], None)
    (failed,) = call("GET", f"mailings/{mailing.pk}/deliveries?status=failed").json()["results"]
    assert (failed["email"], failed["smtp_code"]) == ("person1@example.org", 550)
    assert call("GET", f"deliveries/{failed['id']}").json() == failed
    assert call("GET", "recipients/person1@example.org/deliveries").json()["results"] == [failed]


def test_an_address_is_suppressed_and_lifted(call: Call):
    added = call("POST", "suppressions", {"email": "Ada@example.org", "note": "asked by phone"})
    assert (added.json()["email"], added.json()["reason"]) == ("ada@example.org", "manual")
    assert call("GET", "suppressions").json()["results"] == [added.json()]
    assert call("GET", "suppressions/ada@example.org").json() == added.json()
    assert call("DELETE", "suppressions/ada@example.org", {}).status_code == 422
    assert call("DELETE", "suppressions/ada@example.org", {"note": "a new mailbox"}).status_code == 204
    assert not Suppression.objects.exists()
    assert LiftedSuppression.objects.get().lift_note == "a new mailbox (the API, Newsroom)"
    assert call("GET", "suppressions/ada@example.org").status_code == 404


def test_the_documents_name_each_ones_own_states(call: Call):
    schema = call("GET", "openapi.json").json()

    def states(path: str) -> list[str]:
        (asked,) = [each for each in schema["paths"][path]["get"]["parameters"] if each["name"] == "status"]
        return next(kind["enum"] for kind in asked["schema"]["anyOf"] if "enum" in kind)

    assert states("/api/v1/mailings") == Mailing.Status.values
    assert states("/api/v1/mailings/{id}/deliveries") == Delivery.Status.values
