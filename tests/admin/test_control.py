"""The buttons act by POST, for those who may send, once, and leave word of who pressed them."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from mailer.admin import second_look
from mailer.models import Attempt, Delivery, Mailing
from mailer.sending.record import finish_mailing, reconcile
from tests.admin.world import World

LOG = "/admin/mailer/delivery/"


def page_of(mailing: Mailing, part: str = "change") -> str:
    return f"/admin/mailer/mailing/{mailing.pk}/{part}/"


def press(client: Client, url: str, **fields: object) -> str:
    answer = client.post(url, fields, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def set_states(mailing: Mailing, status: str, **states: str) -> None:
    """The mailing in this state, and the first deliveries in these, by person."""
    for number, state in enumerate(states.values()):
        pk = mailing.deliveries.order_by("pk")[number].pk
        reason = {"failed": "refused", "uncertain": "no_answer"}.get(state, "")
        Delivery.objects.filter(pk=pk).update(status=state, reason=reason, next_attempt_at=None)
    Mailing.objects.filter(pk=mailing.pk).update(status=status, finished_at=None)
    reconcile(mailing.pk)
    mailing.refresh_from_db()


@pytest.fixture
def running(world: World) -> Mailing:
    set_states(world.mailing, "sending", first="queued", second="queued")
    return world.mailing


@pytest.fixture
def reader(db: None) -> Client:
    """Somebody who may read the log and send nothing."""
    user = User.objects.create_user("reader", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_mailing", "view_delivery"]))
    client = Client()
    client.force_login(user)
    return client


def told(mailing: Mailing) -> list[str]:
    entries = LogEntry.objects.filter(object_id=str(mailing.pk)).order_by("pk")
    return [entry.get_change_message() for entry in entries]


def test_a_mailing_is_paused_and_resumed_by_its_buttons(admin_client: Client, running: Mailing) -> None:
    assert ">Pause<" in admin_client.get(page_of(running)).content.decode()
    page = press(admin_client, page_of(running, "pause"))
    assert "Paused. Workers stop" in page
    assert ">Resume<" in page
    assert ">Pause<" not in page
    assert "Nothing was changed" in press(admin_client, page_of(running, "pause"))
    assert "Resumed." in press(admin_client, page_of(running, "resume"))
    running.refresh_from_db()
    assert running.status == "sending"
    assert told(running) == ["Paused. Workers stop within a second or so.", "Resumed."]


def test_cancelling_asks_with_the_numbers_first(admin_client: Client, running: Mailing) -> None:
    asked = admin_client.get(page_of(running, "cancel")).content.decode()
    assert "2 mails of 5 would not be sent" in asked
    running.refresh_from_db()
    assert running.status == "sending"
    assert "Cancelled, with 2 mails not sent by then." in press(admin_client, page_of(running, "cancel"))
    finish_mailing(running.pk, timezone.now())
    running.refresh_from_db()
    assert (running.status, running.cancelled, running.waiting) == ("cancelled", 2, 0)
    assert running.reason == "cancelled by admin"
    assert "cancelled already" in admin_client.get(page_of(running, "cancel")).content.decode()


def test_all_that_failed_is_retried_or_that_of_one_reason(admin_client: Client, world: World) -> None:
    mailing = world.mailing
    set_states(mailing, "done", first="failed", second="failed", third="failed")
    Delivery.objects.filter(pk=mailing.deliveries.order_by("pk")[0].pk).update(reason="template")
    page = admin_client.get(page_of(mailing)).content.decode()
    assert "Retry all failed (3)" in page
    assert "the mail server refused the mail" in page
    page = press(admin_client, page_of(mailing, "retry"), reason="template")
    assert "Put 1 failed mail back into the queue (reason: template)." in page
    assert "Retry all failed (2)" in page
    page = press(admin_client, page_of(mailing, "retry"))
    assert "Put 2 failed mails back into the queue." in page
    assert "Retry all failed" not in page
    mailing.refresh_from_db()
    assert (mailing.status, mailing.failed, mailing.waiting) == ("sending", 0, 3)
    assert set(Attempt.objects.filter(outcome="retried").values_list("by", flat=True)) == {"admin"}


def test_one_mail_is_retried_resent_or_let_be_on_its_page(admin_client: Client, world: World) -> None:
    set_states(world.mailing, "done", first="failed", second="uncertain", third="uncertain")
    failed, unsure, other = world.mailing.deliveries.order_by("pk")[:3]
    assert ">Retry…<" in admin_client.get(f"{LOG}{failed.pk}/change/").content.decode()
    assert "Put back into the queue." in press(admin_client, f"{LOG}{failed.pk}/retry/")
    page = admin_client.get(f"{LOG}{unsure.pk}/change/").content.decode()
    assert ">Resend…<" in page
    assert ">Let be…<" in page
    page = press(admin_client, f"{LOG}{unsure.pk}/let_be/")
    assert "Let be: it is not sent again." in page
    assert ">Let be…<" not in page
    assert "admin: let be: it counts as neither sent nor failed." in page
    assert "Goes out again" in press(admin_client, f"{LOG}{other.pk}/resend/")
    assert "Nothing was changed" in press(admin_client, f"{LOG}{other.pk}/resend/")
    world.mailing.refresh_from_db()
    assert (world.mailing.waiting, world.mailing.uncertain) == (2, 1)


@pytest.mark.parametrize(
    ("decision", "said", "waiting"),
    [
        ("retry", "1 mail: put back into the queue", 1),
        ("resend", "2 mails: sent again", 2),
        ("let_be", "2 mails: let be", 0),
    ],
)
def test_a_selection_of_the_log_is_decided_at_once(
    admin_client: Client, world: World, decision: str, said: str, waiting: int
) -> None:
    set_states(world.mailing, "done", first="failed", second="uncertain", third="uncertain")
    chosen = list(world.mailing.deliveries.values_list("pk", flat=True))
    page = press(admin_client, f"{LOG}decide/?mailing__id__exact={world.mailing.pk}", decision=decision, chosen=chosen)
    assert said in page
    assert "Show the whole log" in page
    world.mailing.refresh_from_db()
    assert world.mailing.waiting == waiting
    assert said in told(world.mailing)[0].replace(" of a selection", "")


def test_a_question_with_the_numbers_comes_before_a_selection_is_decided(admin_client: Client, world: World) -> None:
    set_states(world.mailing, "done", first="failed", second="uncertain", third="uncertain")
    chosen = list(world.mailing.deliveries.values_list("pk", flat=True))
    asked = press(admin_client, f"{LOG}decide/?page=2", decision="resend", chosen=chosen, ask=1)
    assert "2 mails would be sent once more" in asked
    assert "The other 3 that you chose stay as they are" in asked
    assert asked.count('name="chosen"') == 2
    assert world.mailing.deliveries.filter(status="uncertain").count() == 2


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("retry", "1 mail would be tried again"),
        ("resend", "There is nothing left to do here"),
        ("let_be", "There is nothing left to do here"),
    ],
)
def test_a_question_comes_before_one_mail_is_decided(admin_client: Client, world: World, part: str, said: str) -> None:
    failed = world.mailing.deliveries.get(status="failed")
    page = admin_client.get(f"{LOG}{failed.pk}/{part}/").content.decode()
    assert said in page
    assert ("Lift the suppression" in page) == (part == "retry")
    failed.refresh_from_db()
    assert failed.status == "failed"


def test_the_number_of_many_mails_is_typed(admin_client: Client, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_look, "FEW", 1)
    set_states(world.mailing, "done", first="failed", second="failed", third="failed")
    asked = admin_client.get(page_of(world.mailing, "retry")).content.decode()
    assert "3 mails of 5 failed, and would be tried again" in asked
    assert "They failed: 3 because the mail server refused the mail." in asked
    assert "Type how many (3)" in asked
    assert "That is not the number: there are 3 now." in press(admin_client, page_of(world.mailing, "retry"), typed="2")
    assert "Put 3 failed mails back" in press(admin_client, page_of(world.mailing, "retry"), typed="3")


@pytest.mark.parametrize("part", ["pause", "resume"])
def test_a_look_changes_nothing(admin_client: Client, running: Mailing, part: str) -> None:
    assert admin_client.get(page_of(running, part)).status_code == 405


def test_who_may_only_read_sees_no_button_and_presses_none(reader: Client, running: Mailing) -> None:
    page = reader.get(page_of(running)).content.decode()
    assert "is being sent" in page.lower()
    assert ">Pause<" not in page
    assert reader.post(f"{LOG}decide/", {"decision": "retry", "chosen": [1]}).status_code == 403
    assert "Retry failed" not in reader.get(LOG).content.decode()
    for part in ("pause", "resume", "cancel", "retry"):
        assert reader.post(page_of(running, part)).status_code == 403
    for part in ("retry", "resend", "let_be"):
        assert reader.post(f"{LOG}{running.deliveries.earliest('pk').pk}/{part}/").status_code == 403
    assert reader.get(page_of(running, "progress")).status_code == 200


def test_a_running_mailings_page_follows_it_with_script_or_without(admin_client: Client, running: Mailing) -> None:
    page = admin_client.get(page_of(running)).content.decode()
    assert page_of(running, "progress") in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    told = admin_client.get(page_of(running, "progress")).json()
    assert (told["status"], told["running"], told["done"], told["waiting"]) == ("sending", True, 3, 2)
    assert "waiting 2" in told["card"]


def test_a_page_of_what_has_ended_stands_still(admin_client: Client, world: World, powerless: Client) -> None:
    page = admin_client.get(page_of(world.mailing)).content.decode()
    assert "http-equiv" not in page
    assert "follow.js" not in page
    assert not admin_client.get(page_of(world.mailing, "progress")).json()["running"]
    assert powerless.get(page_of(world.mailing, "progress")).status_code == 403
