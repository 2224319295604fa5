"""The conditions of a template, each of which its author can see held or not, whatever the sample says."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_IF = re.compile(r"\{%\s*if\s(.{1,1000}?)%\}")


@dataclass(frozen=True)
class Condition:
    """One `{% if %}` of a source."""

    number: int  #: among those of the source, from 0
    line: int
    words: str


def conditions_of(source: str) -> Iterator[Condition]:
    """The source's conditions, in its order."""
    for number, match in enumerate(_IF.finditer(source)):
        yield Condition(number, source.count("\n", 0, match.start()) + 1, match[1].strip())


def decide(source: str, held: Mapping[str, bool]) -> str:
    """The source as it is where the conditions with these words hold, or do not."""

    def decided(match: re.Match[str]) -> str:
        words = match[1].strip()
        return f"{{% if {int(held[words])} %}}" if words in held else match[0]

    return _IF.sub(decided, source)
