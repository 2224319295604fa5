"""Fetches bounces and complaints from an IMAP mailbox (RFC 9051); a mail is marked only when it is recorded."""

import imaplib
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from config.environment import Mailbox
from mailer.feedback.receiving import SIZE_LIMIT, Receipt, receive
from mailer.feedback.returns import TooEarly
from mailer.models import Return

logger = logging.getLogger(__name__)

#: Seconds that the server may be silent.
TIMEOUT = 30
#: How many mails one visit takes, so that a mailbox of years is seen to bit by bit.
MOST_AT_ONCE = 1_000


class MailboxUnavailable(Exception):
    """The mailbox can't be opened or read; the message says why, without the password."""


def poll(mailbox: Mailbox, delete: bool, clock: Callable[[], datetime]) -> Counter[str]:
    """Take all unread mails. Returns how many were what: a Receipt, or `later`.

    A mail that was recorded is marked as read, and with `delete` also deleted if it was a report of ours; others stay
    in the mailbox for people to look at. One for which it is too early stays unread, for the next time. Raises
    MailboxUnavailable, and django.db.Error: then what is not marked comes again, and changes nothing twice.
    """
    done: Counter[str] = Counter()
    with _opened(mailbox) as client:
        for uid in _unread(client)[:MOST_AT_ONCE]:
            try:
                receipt = receive(_fetch(client, uid), "", Return.Source.MAILBOX, clock())
            except TooEarly:
                done["later"] += 1
                continue
            _mark(client, uid, r"(\Seen \Deleted)" if delete and receipt is Receipt.OURS else r"(\Seen)")
            done[receipt.value] += 1
        if delete and done[Receipt.OURS.value]:
            _ask(client.expunge)
    return done


@contextmanager
def _opened(mailbox: Mailbox) -> Iterator[imaplib.IMAP4]:
    client: imaplib.IMAP4 | None = None
    try:
        client = _connect(mailbox)
        client.login(mailbox.user, mailbox.password)
        _ask(lambda: client.select(_quoted(mailbox.folder)))
        yield client
    except (imaplib.IMAP4.error, OSError) as error:
        raise MailboxUnavailable(f"the mailbox at {mailbox.host}:{mailbox.port} can't be read: {error}") from error
    finally:
        if client is not None:
            client.shutdown()


def _connect(mailbox: Mailbox) -> imaplib.IMAP4:
    if mailbox.tls == "implicit":
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=context, timeout=TIMEOUT)
    client = imaplib.IMAP4(mailbox.host, mailbox.port, timeout=TIMEOUT)
    if mailbox.tls == "starttls":
        client.starttls(ssl.create_default_context())
    return client


def _unread(client: imaplib.IMAP4) -> list[str]:
    found = _ask(lambda: client.uid("SEARCH", "UNSEEN"))
    return found[0].decode("ascii").split() if found and found[0] else []


def _fetch(client: imaplib.IMAP4, uid: str) -> bytes:
    """The mail, without marking it as read, and no more of it than is wanted."""
    parts = _ask(lambda: client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{SIZE_LIMIT}>)"))
    return next((part[1] for part in parts if isinstance(part, tuple)), b"")


def _mark(client: imaplib.IMAP4, uid: str, flags: str) -> None:
    _ask(lambda: client.uid("STORE", uid, "+FLAGS.SILENT", flags))


def _ask(command: Callable[[], tuple[str, list]]) -> list:  # type: ignore[type-arg]
    """What the server gives. Raises imaplib.IMAP4.error if it says NO."""
    status, data = command()
    if status != "OK":
        raise imaplib.IMAP4.error(f"the server said {status}")
    return data


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
