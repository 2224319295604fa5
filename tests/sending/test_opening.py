"""Opening connections to a mail server."""

import socket

import pytest

from mailer.sending import opening
from mailer.sending.opening import open_connection
from tests.fake_relay import FakeRelay


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
