"""Why a mail came back, by the status and the words of the server that refused it.

A refusal is taken for a missing address only where that is said and nothing else is: a wrong word on it ends somebody's
mail for good, while any other is only counted.
"""

import re
import tomllib
from pathlib import Path

from mailer.audience.fates import Outcome


def _patterns() -> dict[str, re.Pattern[str]]:
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        return {name: re.compile("|".join(words)) for name, words in tomllib.load(file).items()}


_SAYS = _patterns()
#: Characters of a text that are judged.
_MOST = 6_000
_CODE = re.compile(r"(?<![\d.])([45])\d\d[ -]|(?<![\d.])([45])\.\d{1,3}\.\d{1,3}(?![\d.])")
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_ADDRESS = re.compile(r"[^\s<>;:,\"'()\[\]]{1,128}@[^\s<>;:,\"'()\[\]]{1,255}")
_QUOTED = re.compile(r"^[ \t>]*(?:subject|to|cc|from|sent|date|message-id)\s*:.*$", re.IGNORECASE | re.MULTILINE)


def judge_report(action: str, status: str, diagnostic: str, notice: str) -> Outcome:
    """What a report's action (RFC 3464) and status say, its diagnostic, and if that is not enough its own text."""
    if action in ("delivered", "relayed", "expanded") or (not action and status.startswith("2")):
        return Outcome.DELIVERED
    plain = _plain(notice)
    if action == "delayed" or (action != "failed" and _SAYS["still_trying"].search(plain)):
        return Outcome.DELAYED
    for words in (diagnostic, _with_codes(notice), _unquoted(notice)):
        said = judge_words(status or _status_in(words), words) if words or status else Outcome.UNKNOWN
        if said is Outcome.GONE and _SAYS["after_data"].search(plain):
            return Outcome.TEMPORARY  # who refuses the content knows the recipient, whatever they say
        if said is not Outcome.UNKNOWN:
            return said
    return Outcome.UNKNOWN


def judge_words(status: str, words: str) -> Outcome:
    """Why a server refused a mail for good, by its enhanced status (RFC 3463; may be empty) and its words."""
    plain = _plain(words)
    subject, _, detail = status.partition(".")[2].partition(".")
    found = _SAYS["nobody"].search(plain) or _SAYS["no_domain"].search(plain)
    if (subject, detail) == ("2", "2") or _SAYS["full"].search(plain):
        return Outcome.TEMPORARY
    if (subject, detail) == ("2", "1") or _SAYS["switched_off"].search(plain):
        return Outcome.TEMPORARY
    if (subject == "7" and not found) or (subject, detail) in _OURS or _is_about_us(plain, found):
        return Outcome.BLOCKED
    if status.startswith("4") or _is_for_now(plain):
        return Outcome.TEMPORARY
    if _SAYS["after_data"].search(plain):
        return Outcome.TEMPORARY if found else Outcome.UNKNOWN
    in_vain = _SAYS["in_vain"].search(plain)
    if found or ((subject, detail) in _GONE and not in_vain):
        return Outcome.GONE
    return Outcome.TEMPORARY if in_vain else Outcome.UNKNOWN


_GONE = frozenset({("1", "1"), ("1", "2"), ("1", "6"), ("1", "10")})
#: The sender's address, the message's size, its form and what it converts to (RFC 3463, sections 3.2 to 3.7).
_OURS = frozenset({("1", "7"), ("1", "8"), ("2", "3"), ("3", "4"), ("6", "0"), ("6", "1"), ("6", "3"), ("6", "7")})


def _plain(text: str) -> str:
    """In lower case and on one line, with an @ for each address: in one there are dots, and any words."""
    return _ADDRESS.sub("@", " ".join(text[:_MOST].lower().replace("’", "'").split()))


def _status_in(words: str) -> str:
    """The last enhanced status in the words: what comes before is often how it went with another server."""
    return next(reversed(_STATUS.findall(words)), "")


def _with_codes(notice: str) -> str:
    """The paragraphs in which a server's code stands: around them a system explains itself, with words of any kind."""
    return "\n".join(text for text in _unquoted(notice).split("\n\n") if _CODE.search(text))


def _unquoted(notice: str) -> str:
    """Without the lines that name the mail, whose subject may say anything."""
    return _QUOTED.sub("", notice)


def _is_about_us(plain: str, found: re.Match[str] | None) -> bool:
    """Whether the words are about who sends or what is sent, beside those that say that nobody is there."""
    rest = plain if found is None else f"{plain[: found.start()]} {plain[found.end() :]}"
    return bool(_SAYS["unwanted"].search(rest) or _SAYS["of_sender"].search(plain))


def _is_for_now(plain: str) -> bool:
    """Whether all of the codes in the words are of the fourth class: refused for now, until it was given up."""
    classes = {first or second for first, second in _CODE.findall(plain)}
    return classes == {"4"}
