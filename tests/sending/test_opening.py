"""Opening connections to a mail server."""

import socket
import threading

import pytest

from mailer.sending import opening
from mailer.sending.opening import open_connection
from mailer.sending.outcomes import Kind, RelayUnavailable
from mailer.sending.smtp import RelaySession
from tests.build import make_envelopes
from tests.fake_relay import DROP, FakeRelay


def test_the_hosts_own_name_is_asked_for_once_and_not_at_every_connection(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def resolve(name: str = "") -> str:
        asked.append(name)
        return "sender.example.org"

    monkeypatch.setattr(socket, "getfqdn", resolve)
    opening._own_name.cache_clear()
    try:
        with FakeRelay() as relay:
            opened = [open_connection(relay.address(), 5) for _ in range(3)]
            for client in opened:
                client.close()
    finally:
        opening._own_name.cache_clear()
    assert [client.local_hostname for client in opened] == ["sender.example.org"] * 3
    assert len(asked) == 1


def test_others_are_opened_while_the_first_mail_is_under_way_and_get_none_before_it_is_answered():
    greeted = threading.Semaphore(0)
    data_before_the_answer: list[str] = []

    def answer_late(step: str, who: str) -> str | None:
        if step == "EHLO":
            greeted.release()
        if step == "DOT" and not relay.received:
            for _ in range(3):
                assert greeted.acquire(timeout=5)
            data_before_the_answer.extend(command for command in relay.commands if command.startswith("DATA"))
        return None

    with FakeRelay([answer_late]) as relay:
        with RelaySession(relay.address(connections=3), 10, lambda pk: None) as session:
            outcomes = list(session.send(iter(make_envelopes(6))))
        assert relay.connections == 3
    assert [outcome.kind for outcome in outcomes] == [Kind.SENT] * 6
    assert sorted(mail.recipient for mail in relay.received) == [mail.recipient for mail in make_envelopes(6)]
    assert len(data_before_the_answer) == 1


def test_what_was_opened_for_nothing_is_closed_again():
    with FakeRelay() as relay:
        relay.answer("DOT", DROP)
        with (
            pytest.raises(RelayUnavailable),
            RelaySession(relay.address(connections=3), 5, lambda pk: None) as session,
        ):
            list(session.send(iter(make_envelopes(6))))
        assert (relay.connections, len(relay.received)) == (3, 1)
        assert relay.wait_until_left()


@pytest.mark.parametrize(("number", "connections"), [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3)])
def test_no_more_connections_are_opened_than_there_are_mails_for(number: int, connections: int):
    with FakeRelay() as relay:
        with RelaySession(relay.address(connections=3), 5, lambda pk: None) as session:
            assert len(list(session.send(iter(make_envelopes(number))))) == number
        assert relay.connections == connections
