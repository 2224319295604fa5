"""Opens an SMTP connection with the standard library: greeting, EHLO, TLS and login."""

import smtplib
import ssl
from functools import lru_cache

from config.environment import Relay
from mailer.sending.commands import words_of
from mailer.sending.outcomes import RelayUnavailable


def open_connection(relay: Relay, timeout: float) -> smtplib.SMTP:
    """A connection that is ready for MAIL, with timeouts in seconds at every step. Raises RelayUnavailable."""
    where = f"{relay.host}:{relay.port}"
    client: smtplib.SMTP | None = None
    try:
        context = ssl.create_default_context() if relay.tls != "none" else None
        if relay.tls == "implicit":
            client = smtplib.SMTP_SSL(relay.host, relay.port, _own_name(), timeout=timeout, context=context)
        else:
            client = smtplib.SMTP(relay.host, relay.port, _own_name(), timeout=timeout)
        client.ehlo_or_helo_if_needed()
        if relay.tls == "starttls":
            client.starttls(context=context)
            client.ehlo()
        if relay.user:
            client.login(relay.user, relay.password)
    except (smtplib.SMTPException, OSError) as error:
        if client is not None:
            client.close()
        raise RelayUnavailable(f"the mail server {where} can't be used: {_said(error)}") from error
    return client


@lru_cache(maxsize=1)
def _own_name() -> str:
    """How we say who we are, as smtplib has it; it would ask the resolver again for every connection."""
    return smtplib.SMTP().local_hostname


def _said(error: smtplib.SMTPException | OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = words_of(error.smtp_error) if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {said}"
    return str(error) or type(error).__name__
