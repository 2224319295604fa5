"""How long a server asks to be left in peace."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime


def wait_asked_for(text: str, now: datetime) -> timedelta | None:
    """Retry-After (RFC 9110 section 10.2.3), seconds or a date; at most a day, None where it says neither."""
    if text.isdigit():
        return timedelta(seconds=min(int(text), 86_400))
    try:
        return parsedate_to_datetime(text) - now
    except (ValueError, TypeError):
        return None
