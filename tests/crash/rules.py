"""What must be true after a fault, read from the database and from what the mail server wrote down."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from mailer.models import Delivery, Mailing
from mailer.sending.message_id import delivery_of

#: Work must go on this long, in seconds, after the service is back.
QUICK = 60.0


@dataclass
class Row:
    """A fault on a database, and what came of it."""

    fault: str
    database: str
    rounds: int = 0
    planned: int = 0
    at_the_sink: int = 0
    twice: int = 0
    lost: int = 0
    uncertain: int = 0
    most_uncertain: int = 0
    recovered: float = 0.0
    broken: list[str] = field(default_factory=list)


class Ledger:
    """What the sink has accepted, read on as it grows."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.times: list[float] = []
        self.taken: Counter[int] = Counter()
        self.recipients: dict[int, str] = {}

    def read(self) -> int:
        """Returns how many mails there are."""
        while True:
            start = self._file.tell()
            line = self._file.readline()
            if not line.endswith(b"\n"):
                self._file.seek(start)
                return len(self.times)
            moment, recipient, message_id = line.decode().split()
            delivery_id = delivery_of(message_id) or 0
            self.times.append(float(moment))
            self.taken[delivery_id] += 1
            self.recipients[delivery_id] = recipient

    def longest_silence(self, since: float, until: float) -> float:
        """In seconds; the time from the last mail until the mailing was closed counts too."""
        moments = [since, *(moment for moment in self.times if since < moment < until), until]
        return max(after - before for before, after in pairwise(moments))


def examine(mailing: Mailing, ledger: Ledger, row: Row) -> Row:
    """Fill in the row of a round that is over, and say in words which rules it breaks."""
    rows = list(mailing.deliveries.order_by("pk").values_list("pk", "status", "recipient__email"))
    taken = {pk: ledger.taken[pk] for pk, _, _ in rows}
    counts = Counter(status for _, status, _ in rows)
    row.rounds, row.planned = 1, len(rows)
    row.at_the_sink = sum(taken.values())
    row.twice = sum(times - 1 for times in taken.values() if times > 1)
    row.lost = sum(not taken[pk] and status != Delivery.Status.UNCERTAIN for pk, status, _ in rows)
    row.uncertain = counts["uncertain"]
    sums = {name: getattr(mailing, name) for name in ("sent", "failed", "skipped", "bounced", "uncertain", "cancelled")}
    rules = {
        f"{row.twice} twice": row.twice,
        f"{row.lost} lost": row.lost,
        f"{row.uncertain} uncertain, {row.most_uncertain} allowed": row.uncertain > row.most_uncertain,
        f"{sum(pk in ledger.taken and ledger.recipients[pk] != email for pk, _, email in rows)} to somebody else": any(
            pk in ledger.taken and ledger.recipients[pk] != email for pk, _, email in rows
        ),
        f"the mailing is {mailing.status}": mailing.status != Mailing.Status.DONE,
        f"{mailing.waiting} wait": mailing.waiting,
        f"sums {sums} are not the rows {dict(counts)}": sums != {name: counts[name] for name in sums}
        or mailing.planned != len(rows),
        f"neither sent nor uncertain: {dict(counts)}": counts.keys() - {"sent", "uncertain"},
        f"{row.recovered:.0f} s to recover": row.recovered > QUICK,
    }
    row.broken += [words for words, is_broken in rules.items() if is_broken]
    return row
