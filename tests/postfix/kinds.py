"""The kinds of recipients of the run, and how their mails should end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """How many there are of it, what servers answer, and the end that is expected."""

    count: int
    status: str
    reason: str = ""
    at_relay: str = ""  #: our relay's answer to RCPT
    at_server: str = ""  #: the recipient's server's answer to RCPT, whose relay sends a report then
    after_data: str = ""
    suppressed: bool = False


KINDS = {
    "fine": Kind(620, "sent"),
    "grey": Kind(60, "sent", at_relay="450 4.2.0 Greylisted, come again"),
    "slow": Kind(50, "sent", at_server="451 4.2.0 Greylisted, come again"),
    "none": Kind(80, "failed", "address", at_relay="550 5.1.1 No such user", suppressed=True),
    "gone": Kind(100, "bounced", "gone", at_server="550 5.1.1 No such user", suppressed=True),
    "full": Kind(50, "bounced", "mailbox", at_server="552 5.2.2 Mailbox full"),
    "spam": Kind(40, "bounced", "blocked", after_data="550 5.7.1 Message blocked as spam"),
}


def kind_of(address: str) -> Kind:
    """That of `gone-17@example.org`; anybody else's is fine."""
    return KINDS.get(address.partition("-")[0], KINDS["fine"])
