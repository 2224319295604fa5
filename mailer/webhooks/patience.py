"""When an event that did not arrive is tried again, and how long an endpoint rests: pure functions."""

from datetime import timedelta
from uuid import UUID

#: After each try that failed, the next one comes so much later; after the last one the event has failed: three days.
RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440, 1440))
#: Failures in a row with which an endpoint is let be for a while.
PATIENT = 3
LONGEST_REST = timedelta(minutes=30)
#: An endpoint that nothing has reached for so long is switched off.
LONGEST_SILENCE = timedelta(days=5)
#: No server may ask for more patience than this.
LONGEST_WAIT = timedelta(days=1)


def retry_in(attempts: int, event_id: UUID, asked: timedelta | None = None) -> timedelta | None:
    """How long to wait after so many tries that failed; None if that was the last.

    `asked` is what the server wants at least. Up to a tenth is added, another for each event, so that what failed
    together does not come back together.
    """
    if attempts > len(RETRY_DELAYS):
        return None
    usual = RETRY_DELAYS[attempts - 1] * (1 + event_id.bytes[attempts % 16] / 2560)
    return max(usual, min(asked or usual, LONGEST_WAIT))


def rest_after(failures: int) -> timedelta | None:
    """How long an endpoint rests after so many failures in a row: then one event finds out whether it is back."""
    if failures < PATIENT:
        return None
    return min(timedelta(minutes=1) * 2 ** min(failures - PATIENT, 10), LONGEST_REST)
