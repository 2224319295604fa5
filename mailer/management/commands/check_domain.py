"""Says how a domain meets what Gmail, Yahoo and Microsoft ask of senders, and what to add where it does not."""

from argparse import ArgumentParser
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailer.insight.domain import Asked, Finding, State, check_dns
from mailer.insight.name_servers import IPAddress, NameServers, NoAnswerFromDns
from mailer.management.connections import check_one_click, check_tls
from mailer.management.findings_table import table
from mailer.models import RecipientList
from mailer.sending.signatures import KeyUnusable, load_keys

_SAYS = __doc__  # in the class, __doc__ is the class's


class Command(BaseCommand):
    """`manage.py check_domain [DOMAIN …]`."""

    help = _SAYS

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[DOMAIN …] [--ip] [--selector …] [--reach] [--nameserver]."""
        parser.add_argument("domain", nargs="*", help="default: those that mails are from")
        parser.add_argument("--ip", default="", help="the address of the host that speaks to receivers' mail servers")
        parser.add_argument("--selector", action="append", default=[], help="of a DKIM key that is not in DKIM_KEYS")
        parser.add_argument("--reach", action="store_true", help="also call the page behind one-click")
        parser.add_argument("--nameserver", default="", help="ask this one, an IPv4 address or address:port")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a table a domain. Raises CommandError, so exits with 1, if anything that is asked for is missing."""
        dns, host = _name_servers(options["nameserver"]), _address(options["ip"])
        tls, wanting = check_tls(settings.RELAY), 0
        for domain in options["domain"] or _domains():
            asked = _asked(domain.lower(), tuple(options["selector"]), host)
            findings = check_dns(asked, dns)
            findings += [tls, check_one_click(domain, timezone.now(), options["reach"])]
            self.stdout.write(f"Mail from …@{domain}, bounces to …@{asked.bounce_domain}\n\n{table(findings)}\n")
            wanting += sum(_is_wanting(finding) for finding in findings)
        if wanting:
            raise CommandError(f"{wanting} of these {'is' if wanting == 1 else 'are'} missing or could not be asked.")


def _is_wanting(finding: Finding) -> bool:
    return finding.state in (State.MISSING, State.UNKNOWN)


def _domains() -> list[str]:
    """Those of the service's own From and of all lists'."""
    senders = {parseaddr(settings.DEFAULT_FROM_EMAIL)[1], *RecipientList.objects.values_list("from_email", flat=True)}
    return sorted({sender.rpartition("@")[2] for sender in senders if sender})


def _asked(domain: str, selectors: tuple[str, ...], host: IPAddress | None) -> Asked:
    try:
        keys = load_keys(tuple(settings.DKIM_KEYS.items()))
    except KeyUnusable as error:
        raise CommandError(str(error)) from error
    bounce_domain = settings.BOUNCE_ADDRESS.rpartition("@")[2] or domain
    mine = {key.name: key.record for key in keys if domain == key.domain or domain.endswith(f".{key.domain}")}
    return Asked(domain, bounce_domain, mine, selectors, host)


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text) if text else None
    except ValueError as error:
        raise CommandError(f"--ip {text!r} is no address such as 192.0.2.7.") from error


def _name_servers(text: str) -> NameServers:
    host, _, port = text.partition(":")
    try:
        return NameServers(host, int(port or 53))
    except (NoAnswerFromDns, ValueError) as error:
        raise CommandError(str(error)) from error
