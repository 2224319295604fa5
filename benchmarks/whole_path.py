"""The whole path: `send_digest` through Celery to the recorded states."""

import time

from benchmarks.stock import make_digest
from benchmarks.worker import Worker
from mailer.models import Digest, Mailing, RecipientList
from mailer.tasks import send_digest

_PATIENCE = 600.0
_EVERY = 0.05  # seconds; so much too late at most is the end of a mailing seen


class WholePath:
    """Sends a digest to a list, again and again, each time a new one."""

    def __init__(self, name: str, mailing_list: RecipientList, worker: Worker) -> None:
        """The worker is warm after `run` was called once."""
        self._name, self._list, self._worker = name, mailing_list, worker

    def run(self) -> dict[str, float]:
        """Mails a second, from the call of `send_digest` until the last one is recorded; and CPU time for each."""
        digest = make_digest(self._list)
        cpu = self._worker.cpu_seconds()
        started = time.perf_counter()
        send_digest.delay(digest.slug)
        mailing = await_done(digest)
        seconds = time.perf_counter() - started
        cpu = self._worker.cpu_seconds() - cpu
        return {self._name: mailing.sent / seconds, f"{self._name}_cpu_us": cpu / mailing.sent * 1e6}


def await_done(digest: Digest) -> Mailing:
    """Wait until the digest's one mailing is done, with nothing but sent mails. Raises RuntimeError."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        # Seldom, and no more than is needed: this looks on from the two cores that the service is measured on.
        mailing = Mailing.objects.filter(digest=digest).only("status", "sent", "planned").first()
        if mailing is not None and mailing.final:
            if mailing.sent != mailing.planned or not mailing.sent:
                raise RuntimeError(f"not all mails were sent: {mailing.__dict__}")
            return mailing
        time.sleep(_EVERY)
    raise RuntimeError(f"{digest} was not done within {_PATIENCE:.0f} s")
