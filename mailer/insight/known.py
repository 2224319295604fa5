"""What is known of a list's people, to choose from: read off the newest of them, however many there are."""

from collections import Counter, defaultdict
from typing import Any

from mailer.models import RecipientList, Subscription

#: As many people are looked at.
LOOKED_AT = 500
#: No more names, and no more values a name, are told.
MOST_NAMES, MOST_VALUES = 40, 20


def known_of(mailing_list: RecipientList) -> dict[str, Any]:
    """`{"languages": […], "attributes": {name: [values]}}`, the most frequent first.

    What one person alone has is not told.
    """
    newest = Subscription.objects.filter(list=mailing_list).order_by("-subscribed_at")[:LOOKED_AT]
    languages: Counter[str] = Counter()
    attributes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for language, known in newest.values_list("recipient__language", "recipient__attributes"):
        languages[language or mailing_list.language] += 1
        for name, value in (known or {}).items():
            attributes[name][_as_text(value)] += 1
    frequent = sorted(attributes, key=lambda name: -attributes[name].total())[:MOST_NAMES]
    return {
        "languages": _shared(languages),
        "attributes": {name: _shared(attributes[name]) for name in frequent},
    }


def _shared(counted: Counter[str]) -> list[str]:
    return [value for value, count in counted.most_common(MOST_VALUES) if count > 1]


def _as_text(value: Any) -> str:
    """As the conditions compare it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
