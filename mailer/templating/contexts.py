"""The plain data that a template sees: what all recipients of a mailing share, and what is one person's own."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from mailer.models import Mailing, Recipient, RecipientList
from mailer.models.colours import in_the_dark
from mailer.templating.markdown import markdown_text
from mailer.templating.plain_data import hydrate

#: The names that depend on a digest's items, which can be one recipient's own.
ITEM_NAMES = frozenset({"items", "groups", "count", "shown", "more"})
#: What a template sees of an item beside when it was published, in the order in which `item_context` takes it.
ITEM_TEXTS = ("title", "summary", "url", "image_url", "category")
_WORD = re.compile(r"\w+")
#: A summary that is longer by more than this is not the title with other punctuation.
_SLACK = 40
RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})


class Person(NamedTuple):
    """What a mail may say of its recipient."""

    id: int
    email: str
    name: str
    attributes: str = "{}"  #: JSON, read only if a mail names one
    language: str = ""  #: which translation it is; empty if that is not known


def person_of(recipient: Recipient) -> Person:
    """The recipient as mails name them."""
    return Person(recipient.pk, recipient.email, recipient.name, json.dumps(recipient.attributes), recipient.language)


class Links(NamedTuple):
    """A recipient's own links, absolute URLs; an empty one is left out of the mail."""

    unsubscribe: str = ""
    preferences: str = ""
    view: str = ""

    def there(self) -> dict[str, bool]:
        """Which of them there are."""
        return {"unsubscribe": bool(self.unsubscribe), "preferences": bool(self.preferences), "view": bool(self.view)}


def still_links(mailing: Mailing, token: str) -> Links:
    """Links that look as the mailing's do, for eyes only: with this token they lead nowhere."""
    site = settings.SITE_URL
    preferences = f"{site}/p/{token}"
    if mailing.list is None:
        return Links(preferences=preferences)
    return Links(unsubscribe=f"{site}/u/{token}", preferences=preferences, view=f"{site}/v/{token}")


def personal_context(person: Person, links: Links, with_attributes: bool = True) -> dict[str, Any]:
    """`recipient` and `links`; the attributes only if they are needed, because they have to be read from JSON."""
    recipient: dict[str, Any] = {
        "email": person.email,
        "name": person.name,
        "first_name": (person.name.split(None, 1) or [""])[0],
    }
    if with_attributes:
        recipient["attributes"] = json.loads(person.attributes)
    return {
        "recipient": recipient,
        "links": {"unsubscribe": links.unsubscribe, "preferences": links.preferences, "view": links.view},
    }


def mailing_context(mailing: Mailing, items: Sequence[dict[str, Any]], language: str = "") -> dict[str, Any]:
    """All that the recipients of a mailing with these items, in this translation or else in its own language, share."""
    if mailing.kind == Mailing.Kind.TEST:
        test: dict[str, Any] = hydrate(mailing.context)
        return test | language_context(language) if language else test
    language = language or mailing.language
    if mailing.kind == Mailing.Kind.NOTIFICATION:
        return notification_context(mailing.context, mailing.scheduled_for) | language_context(language)
    context = list_context(mailing.list) | language_context(language) | {"late": "", "date": _local_date(mailing)}
    if mailing.digest is not None:
        context |= {"digest": {"name": mailing.digest.name}, "more_url": mailing.digest.more_url}
        context |= _items(items, mailing.digest.max_items)
    return context | mailing.context


def own_items_context(mailing: Mailing, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What ITEM_NAMES stand for in a digest's mail to somebody who alone gets these items."""
    return _items(items, mailing.digest.max_items if mailing.digest else len(items)) | mailing.context


def item_context(texts: Sequence[str], published_at: datetime, zone: tzinfo) -> dict[str, Any]:
    """An item as templates see it, from its ITEM_TEXTS. It is spelled out, because a million mails have twenty each."""
    title, summary, url, image_url, category = texts
    return {
        "title": title,
        "summary": own_summary(summary, title),
        "url": url,
        "image_url": image_url,
        "category": category,
        "published_at": published_at.astimezone(zone),
    }


def _items(items: Sequence[dict[str, Any]], most: int) -> dict[str, Any]:
    shown = list(items[:most])
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in shown:
        groups.setdefault(item["category"], []).append(item)
    return {
        "items": shown,
        "groups": [{"category": category, "items": members} for category, members in groups.items()],
        "count": len(items),
        "shown": len(shown),
        "more": len(items) - len(shown),
    }


def own_summary(summary: str, title: str) -> str:
    """The summary; nothing if it only repeats the title, as in many feeds, in other spacing or punctuation."""
    if len(summary) > len(title) + _SLACK or not summary:
        return summary
    repeats = summary == title or _words(markdown_text(summary)) == _words(markdown_text(title))
    return "" if repeats else summary


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def notification_context(context: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What a notification's template sees besides its recipient: what every mail has, and the caller's context."""
    return (
        list_context(None)
        | language_context(settings.LANGUAGE_CODE)
        | {"date": now.astimezone(ZoneInfo(settings.PROJECT_TIME_ZONE)).date()}
        | context
    )


def list_context(mailing_list: RecipientList | None) -> dict[str, Any]:
    """What a mail says of its list, and how it looks; without one it comes from the service itself."""
    sender = mailing_list or RecipientList(name=settings.SITE_NAME)
    return {
        "list": {
            "name": sender.name,
            "description": sender.description,
            "logo_url": sender.logo_url,
            "logo_alt": sender.logo_alt or sender.name,
            "logo_link": sender.logo_link,
            "logo_width": sender.logo_width,
            "accent": sender.accent,
            "accent_dark": in_the_dark(sender.accent),
        }
    }


def language_context(language: str) -> dict[str, Any]:
    """What a mail says of its language: its code, and in which direction it is read."""
    direction = "rtl" if language.partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"
    return {"language": language, "direction": direction}


def _local_date(mailing: Mailing) -> Any:
    return mailing.scheduled_for.astimezone(ZoneInfo(mailing.time_zone)).date()
