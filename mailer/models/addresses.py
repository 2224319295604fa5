"""The one place where a mail address is checked, brought to the form in which it is stored, and shown."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from email_validator import EmailNotValidError, validate_email

#: The longest path of RFC 5321 section 4.5.3.1.3 less its angle brackets.
MAX_LENGTH = 254
#: RFC 5321 section 4.5.3.1.1.
MAX_LOCAL_LENGTH = 64
#: Addresses that need no second look: plain ASCII in lower case, one dot at a time, within the lengths, and not below a
#: name of RFC 2606 or RFC 6761 that is never delivered to. All others go through email-validator.
PLAIN = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+){0,8}@(?:[a-z0-9]{1,50}\.){1,3}[a-z]{2,20}"
    r"(?<!\.test)(?<!\.local)(?<!\.invalid)(?<!\.localhost)(?<!\.onion)"
)
#: Whatever looks like a mail address in a text.
ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")


class InvalidAddress(ValidationError):
    """The text is not one mail address that we could send to."""


def normalise_address(text: str) -> str:
    """One address, trimmed, in lower case, its domain as A-labels of IDNA 2008 (RFC 5891).

    ` Zoe@MÜLLER.example ` becomes `zoe@xn--mller-kva.example`.

    The local part is lowered too: RFC 5321 section 2.4 lets a server tell `Zoe` from `zoe`, but no mailbox provider
    does, and people type both; two rows for one person would mean two mails.
    Raises InvalidAddress with the reason in one sentence. A non-ASCII local part is refused, because it can only be
    delivered by servers with SMTPUTF8 and there is no way down from it (RFC 6531 section 3.2).
    """
    lowered = text.strip().lower()
    if PLAIN.fullmatch(lowered):
        return lowered
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidAddress(f"{text.strip()[:100]!r} is not a mail address: {error}") from error
    normal = str(found.ascii_email).lower()
    if len(normal) > MAX_LENGTH or len(normal.partition("@")[0]) > MAX_LOCAL_LENGTH:
        raise InvalidAddress(f"{normal[:60]!r}… is too long: {MAX_LOCAL_LENGTH} before the @, {MAX_LENGTH} in all.")
    return normal


# The columns of a list, a page's title and an object's own name are not told for whom they are drawn.
_reader_may: ContextVar[Callable[[], bool]] = ContextVar("reader_may", default=lambda: False)


@contextmanager
def read_by(may_see_addresses: Callable[[], bool]) -> Iterator[None]:
    """Within the `with`, addresses are shown to somebody of whom this says whether they see them in full."""
    token = _reader_may.set(may_see_addresses)
    try:
        yield
    finally:
        _reader_may.reset(token)


def shown_address(address: str) -> str:
    """The address as its reader may see it: `j…@example.org` without the permission, and where there is no reader."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at and not _reader_may.get()() else address


class AddressField(models.CharField):  # type: ignore[type-arg]
    """A mail address that is always stored, and always looked up, in its normal form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Same arguments as CharField; the length is fixed."""
        super().__init__(*args, **{**kwargs, "max_length": MAX_LENGTH})

    def db_parameters(self, connection: Any) -> Any:
        """On PostgreSQL in the order of its bytes: then one index finds an address, its beginning, and the order."""
        parameters = super().db_parameters(connection)
        return {**parameters, "collation": "C"} if connection.vendor == "postgresql" else parameters

    def to_python(self, value: Any) -> Any:
        """The value of a form, normalised. Raises InvalidAddress."""
        return self.get_prep_value(value)

    def get_prep_value(self, value: Any) -> Any:
        """The value for the database, normalised. Raises InvalidAddress."""
        return normalise_address(value) if isinstance(value, str) and value else value
