"""The fields of a delivery status notification (RFC 3464, RFC 6533), read as leniently as they are written."""

import re
from dataclasses import dataclass

_FIELD = re.compile(r"^([A-Za-z][A-Za-z-]{2,40})[ \t]*:[ \t]*(.*)$")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>;,\"'()\[\]]{1,128}@[^\s<>;,\"'()\[\]]{1,255}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
#: Records that are read of one report.
_MOST = 100
_OF_RECIPIENT = ("original-recipient", "final-recipient", "action", "status", "diagnostic-code", "x-actual-recipient")


@dataclass(frozen=True)
class Record:
    """What a report says of one recipient; texts are empty where it does not."""

    address: str
    action: str  #: failed, delayed, delivered, relayed or expanded
    status: str
    diagnostic: str


def records_in(text: str) -> list[Record]:
    """A record for each recipient that the blocks name, or one where they name none but say what happened."""
    found: list[dict[str, str]] = []
    for block in re.split(r"\n[ \t]*\n", text):
        fields = _fields(block)
        if not any(name in fields for name in _OF_RECIPIENT):
            continue
        # Some systems put an empty line in the middle of what they say of one recipient.
        if found and not any(name in found[-1] and name in fields for name in _OF_RECIPIENT):
            found[-1] |= fields
        else:
            found.append(fields)
    return [_record(fields) for fields in found[:_MOST]]


def address_in(value: str) -> str:
    """The address in a field such as `rfc822;ada@example.org`, lower-cased; empty if there is none.

    `+XX` in one of type rfc822 stands for a character (RFC 3461, section 4) where what is read is an address still.
    """
    kind, semicolon, rest = value.partition(";")
    typed = rest if semicolon and len(kind) < 20 else value
    match = _ADDRESS.search(typed)
    if match is None:
        plain = _XTEXT.sub(lambda each: chr(int(each[1], 16)), typed)
        match = _ADDRESS.search(plain)
    return match[0].strip(".").lower() if match else ""


def _fields(block: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in block.splitlines()[:200]:
        match = _FIELD.match(line)
        if match and (match[1].lower() in _KNOWN or not line[:1].isspace()):
            name = match[1].lower()
            found.setdefault(name, match[2].strip())
        elif name and line[:1].isspace():
            found[name] = f"{found[name]} {line.strip()}"[:4000]
    return found


_KNOWN = frozenset({*_OF_RECIPIENT, "reporting-mta", "remote-mta", "arrival-date", "last-attempt-date"})


def _record(fields: dict[str, str]) -> Record:
    diagnostic = fields.get("diagnostic-code", "")
    kind, semicolon, words = diagnostic.partition(";")
    said = words.strip() if semicolon and len(kind) < 20 else diagnostic
    status = _STATUS.search(fields.get("status", "")) or _STATUS.search(said)
    addresses = (
        address_in(fields.get(name, "")) for name in ("original-recipient", "final-recipient", "x-actual-recipient")
    )
    action = re.match(r"[a-z]+", fields.get("action", "").lower())
    return Record(
        address=next(filter(None, addresses), ""),
        action=action[0] if action else "",
        status=status[1] if status else "",
        diagnostic=said,
    )
