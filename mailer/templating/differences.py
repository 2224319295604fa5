"""What one version of a template says differently from another, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

from mailer.models import TemplateVersion
from mailer.templating.authoring import written_in

#: Lines around a change that are shown with it.
CONTEXT = 3
#: Comparing takes time by the square of the lines.
MOST_LINES = 2_000


@dataclass(frozen=True)
class Line:
    """A line of a comparison."""

    sign: str  #: `+` only in the newer, `-` only in the older, a space in both, `@` where lines were left out
    text: str


@dataclass(frozen=True)
class Difference:
    """How one part of the mail differs."""

    title: str
    lines: list[Line]


def compare(older: TemplateVersion, newer: TemplateVersion) -> Iterator[Difference]:
    """The parts that differ, as their authors wrote them: subject, HTML and text, in each language."""
    for language in ("", *sorted(older.translations.keys() | newer.translations.keys())):
        before, after = _texts(older, language), _texts(newer, language)
        for part in ("Subject", "HTML", "Text"):
            if lines := list(_lines(before.get(part, ""), after.get(part, ""))):
                yield Difference(f"{part} ({language})" if language else part, lines)


def _texts(version: TemplateVersion, language: str) -> dict[str, str]:
    if language and language not in version.translations:
        return {}
    written = written_in(version, language)
    return {"Subject": written.subject, "HTML": written.html, "Text": written.text}


def _lines(before: str, after: str) -> Iterator[Line]:
    older, newer = before.splitlines(), after.splitlines()
    if max(len(older), len(newer)) > MOST_LINES and older != newer:
        yield Line("@", f"More than {MOST_LINES:,} lines are not compared one by one.")
        return
    found = unified_diff(older, newer, n=CONTEXT, lineterm="")
    for number, line in enumerate(found):
        if number >= 2:  # the first two name files
            yield Line("@", "…") if line.startswith("@@") else Line(line[0], line[1:])
