"""What people write first: a loop that renders, inlines with premailer, sends on a new connection and logs a row."""

import logging
import time

from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine
from premailer import transform

from benchmarks.letters import Sample, without_markdown
from mailer.models import Attempt


class PlainLoop:
    """The same mails, one after the other."""

    def __init__(self, sample: Sample, mails: int) -> None:
        """The templates are parsed once, which the loop gets for nothing."""
        version = sample.mailing.version
        engine = Engine(autoescape=True)
        self._html = engine.from_string(without_markdown(version.html))
        self._text = engine.from_string(without_markdown(version.text))
        self._subject = engine.from_string(version.subject)
        self._sample, self._mails = sample, mails

    def run(self) -> dict[str, float]:
        """Mails a second."""
        started = time.perf_counter()
        for number in range(self._mails):
            self._send(number)
        return {"plain_loop": self._mails / (time.perf_counter() - started)}

    def _send(self, number: int) -> None:
        person = self._sample.people[number % len(self._sample.people)]
        context = Context(self._sample.shared | person)
        message = EmailMultiAlternatives(
            " ".join(self._subject.render(context).split()),
            self._text.render(context),
            "The Afternoon <post@example.org>",
            [person["recipient"]["email"]],
            headers={"List-Unsubscribe": f"<{person['links']['unsubscribe']}>"},
        )
        message.attach_alternative(
            transform(self._html.render(context), cssutils_logging_level=logging.CRITICAL), "text/html"
        )
        message.send()
        Attempt.objects.create(delivery_id=number, at=self._sample.mailing.scheduled_for, outcome="sent", smtp_code=250)
