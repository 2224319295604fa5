"""The waits that the short form shortens so that a round fits into seconds; the long form changes none of them."""

import os
from datetime import timedelta

from mailer.models import webhooks
from mailer.sending import relays, wakeups
from mailer.webhooks import dispatch


def shorten() -> None:
    """Called in every process of a run, before it works. Mails' leases, all retries and patience with the database stay."""
    if os.environ["CRASH_FORM"] != "short":
        return
    wakeups.PATIENCE = timedelta(seconds=3)  # 10 s, made for a tick a minute; here a tick comes each second
    relays.PAUSE = timedelta(seconds=3)  # 30 s
    wakeups.RANGE_SIZE = 300  # 2000: else so few recipients would keep one process of four busy
    dispatch.LONGEST_TURN = timedelta(seconds=3)  # 20 s; what is left of a dead worker's lease is what events wait for
    webhooks.LEASE = timedelta(seconds=8)  # 2 minutes; longer than a turn here too
