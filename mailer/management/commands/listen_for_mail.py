"""Listens for bounces and complaints, by LMTP (RFC 2033) or SMTP, until it is told to stop."""

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mailer.feedback.listener import listen

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py listen_for_mail [--host HOST] [--port PORT] [--smtp]`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[--host HOST] [--port PORT] [--smtp]."""
        parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: for a mail server on this host")
        parser.add_argument("--port", type=int, default=8024, help="default 8024")
        parser.add_argument("--smtp", action="store_true", help="speak SMTP, for mail servers that know no LMTP")

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen until SIGTERM or SIGINT. Raises CommandError if the port can't be had."""
        try:
            asyncio.run(self._listen(options["host"], options["port"], not options["smtp"]))
        except OSError as error:
            raise CommandError(f"{options['host']}:{options['port']} can't be used: {error}") from error

    async def _listen(self, host: str, port: int, by_lmtp: bool) -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with listen(host, port, by_lmtp) as bound:
            self.stdout.write(f"Listening for mail on {host}:{bound} by {'LMTP' if by_lmtp else 'SMTP'}.")
            self.stdout.flush()
            await stopped.wait()
