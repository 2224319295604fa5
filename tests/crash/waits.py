"""The waits that the short form shortens so that a round fits into seconds; the long form changes none of them."""

import os
from datetime import timedelta

from mailer.sending import relays, wakeups


def shorten() -> None:
    """Called in every process of a run, before it works. Leases, retries and database patience stay as they are."""
    if os.environ["CRASH_FORM"] != "short":
        return
    wakeups.PATIENCE = timedelta(seconds=3)  # 10 s, made for a tick a minute; here a tick comes each second
    relays.PAUSE = timedelta(seconds=3)  # 30 s
    wakeups.RANGE_SIZE = 300  # 2000: else so few recipients would keep one process of four busy
