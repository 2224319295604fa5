"""Findings for a terminal of 80 columns: what is asked for, how it stands, who asks, what to add."""

import textwrap
from collections.abc import Iterable, Iterator

from mailer.insight.domain import Finding

_WIDTH = 79
_MARGIN = " " * 10
#: A TXT record is written as strings of at most 255 bytes (RFC 1035 section 3.3.14); these fit the line.
_STRING = 60


def table(findings: Iterable[Finding]) -> str:
    """A block a finding."""
    return "\n".join(line for finding in findings for line in _lines(finding))


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.state.value:<10}{finding.requirement:<22}{finding.asked_by}"
    for text in filter(None, (finding.found, finding.advice)):
        yield from _wrapped(text)
    name, record = finding.record
    if record:
        yield f"{_MARGIN}Add:"
        yield from _record(name, record)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=_MARGIN, subsequent_indent=_MARGIN, break_on_hyphens=False, break_long_words=True
    )


def _record(name: str, record: str) -> Iterator[str]:
    """As in a zone file, where a long text is several strings in parentheses."""
    yield f"{_MARGIN}{name}. TXT ("
    for at in range(0, len(record), _STRING):
        yield f'{_MARGIN}  "{record[at : at + _STRING]}"'
    yield f"{_MARGIN})"
