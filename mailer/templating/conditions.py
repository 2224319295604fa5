"""The conditions of a template, each of which its author can see held or not, whatever the sample says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_IF = re.compile(r"\{%\s*if\s+(.+?)\s*%\}")


@dataclass(frozen=True)
class Condition:
    """One `{% if %}` of a source."""

    number: int  #: among those of the source, from 0
    line: int
    words: str


def conditions_of(source: str) -> Iterator[Condition]:
    """The source's conditions, in its order."""
    for number, match in enumerate(_IF.finditer(source)):
        yield Condition(number, source.count("\n", 0, match.start()) + 1, match[1])


def decide(source: str, held: Mapping[str, bool]) -> str:
    """The source as it is where the conditions with these words hold, or do not."""
    return _IF.sub(lambda match: f"{{% if {int(held[match[1]])} %}}" if match[1] in held else match[0], source)
