"""What `check_domain` sees by connecting: the mail server's TLS, and the page behind one-click."""

from dataclasses import replace
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from config.environment import Relay
from mailer.insight.domain import Finding, State
from mailer.sending.message import Addressee, own_head
from mailer.sending.opening import open_connection
from mailer.sending.outcomes import RelayUnavailable

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def check_tls(relay: Relay) -> Finding:
    """Whether mails reach the mail server by TLS, with a certificate that is right for its name."""
    by, where = "Gmail", f"{relay.host}:{relay.port}"
    wanted = relay if relay.tls != "none" else replace(relay, tls="starttls", user="")
    try:
        open_connection(wanted, settings.EMAIL_TIMEOUT).close()
    except RelayUnavailable as error:
        if relay.tls == "none" and _is_here(relay.host):
            return Finding("TLS", by, State.OK, f"{where} is this machine; from there on TLS is its matter.")
        return Finding("TLS", by, State.MISSING, str(error))
    if relay.tls == "none":
        advice = "Begin EMAIL_URL with smtp+tls://"
        return Finding("TLS", by, State.WARN, f"{where} offers STARTTLS, and EMAIL_URL does not use it.", advice)
    return Finding("TLS", by, State.OK, f"{where}: {relay.tls}, with a valid certificate.")


def check_one_click(domain: str, now: datetime, reach: bool) -> Finding:
    """Whether what is sent offers one click as RFC 8058 wants it; with `reach`, whether the page answers to it."""
    by, url = "Gmail, Yahoo", f"{settings.SITE_URL}/u/nobody"
    head = own_head(Addressee("", f"somebody@{domain}", f"<x@{domain}>", url), "News", now)
    if (
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" not in head
        or b"List-Unsubscribe: <https://" not in head
    ):
        return Finding(
            "One-click", by, State.MISSING, f"Mails would name {url}.", "SITE_URL has to begin with https://"
        )
    if not reach:
        return Finding("One-click", by, State.OK, f"Mails to lists name {settings.SITE_URL}/u/… and offer one click.")
    wrong = why_out_of_reach(url)
    if wrong:
        advice = "The page has to answer a POST from anywhere with 200, and not with another address."
        return Finding("One-click", by, State.MISSING, f"{url}: {wrong}.", advice)
    return Finding("One-click", by, State.OK, f"{url} answers, and mails to lists offer one click.")


def why_out_of_reach(url: str) -> str:
    """Why a POST as mailbox providers make it does not get through; empty if it does. It unsubscribes nobody."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=10)
    try:
        connection.request("POST", parts.path, "List-Unsubscribe=One-Click", _FORM)
        answer = connection.getresponse()
    except (OSError, HTTPException) as error:
        return f"no answer ({error})"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"the answer is {answer.status} {answer.reason}"


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
