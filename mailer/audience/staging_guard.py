"""The staging guard: where MAILER_ONLY_TO is set, mail goes to what it names and to nobody else."""

from functools import lru_cache

from django.conf import settings

from mailer.models import InvalidAddress, normalise_address

_AT = "@"


def lets_out(address: str) -> bool:
    """Whether mail may go to the address; to any where there is no guard.

    A domain stands for exactly itself, not for those below it, and an address for itself. What can't be read, in the
    setting or as the address, lets nothing out.
    """
    only_to = settings.MAILER_ONLY_TO
    if only_to is None:
        return True
    try:
        normal = normalise_address(address)
    except InvalidAddress:
        return False
    return bool({normal, normal.rpartition(_AT)[2]} & _allowed(only_to))


def normal_entry(text: str) -> str:
    """An entry of the setting, an address or a domain, as addresses are stored. Raises InvalidAddress."""
    if _AT in text:
        return normalise_address(text)
    return normalise_address(f"somebody{_AT}{text}").rpartition(_AT)[2]


def guard_in_words() -> str:
    """What the guard does, in one sentence; nothing where there is none."""
    only_to = settings.MAILER_ONLY_TO
    if only_to is None:
        return ""
    if not only_to:
        return "No mail goes out at all: the staging guard, MAILER_ONLY_TO, is set and names nobody."
    return (
        f"Mail goes out to {', '.join(only_to)} only, and is skipped for all others: that is what MAILER_ONLY_TO says."
    )


@lru_cache(maxsize=4)
def _allowed(only_to: tuple[str, ...]) -> frozenset[str]:
    allowed = set()
    for text in only_to:
        try:
            allowed.add(normal_entry(text))
        except InvalidAddress:
            continue  # a system check names it
    return frozenset(allowed)
