"""The shipped mails, filled with their samples or with other items, without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from html import unescape
from typing import Any

from mailer.models import Digest, Mailing, RecipientList
from mailer.models.templates import Parts
from mailer.sending.message import Addressee, Sender
from mailer.sending.stationery import Stationery
from mailer.templating.authoring import emails_root, put_together
from mailer.templating.compile import CompiledTemplate, compile_sources
from mailer.templating.compose import Rendered, compose
from mailer.templating.contexts import Links, Person, mailing_context, own_summary, personal_context
from mailer.templating.plain_data import hydrate
from mailer.templating.sync import read_sources

_FOLDER = emails_root()
SLUGS = ("digest", "announcement", "notification", "welcome")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA = Person(1, "ada.lindqvist@example.org", "Ada Lindqvist")
LINKS = Links(unsubscribe="https://post.example.org/u/6ZkP2xW9aLq4")
PICTURE = "https://news.example.org/harbour.jpg"


@cache
def sample_of(slug: str) -> dict[str, Any]:
    return hydrate(read_sources(_FOLDER / slug).sample)


@cache
def parts_of(slug: str) -> Parts:
    """A shipped mail's subject, HTML and text, its layout put in."""
    return put_together(read_sources(_FOLDER / slug).languages[""]).parts


def compiled(slug: str) -> CompiledTemplate:
    return compile_sources(*parts_of(slug))


def sample_mail(slug: str, **changes: Any) -> Rendered:
    """The mail to the person in its sample; `changes` replace names of the sample."""
    context = sample_of(slug) | changes
    return compose(compiled(slug), context).merge({name: context[name] for name in ("recipient", "links")})


def digest_mail(items: Sequence[dict[str, Any]], language: str = "en", most: int = 20, **look: Any) -> Rendered:
    """A digest of these items; `look` are fields of its list."""
    mailing_list = RecipientList(**({"name": "Harbour Quarter", "language": language} | look))
    digest = Digest(name="The Afternoon Edition", list=mailing_list, max_items=most, more_url="https://n.example.org/")
    mailing = Mailing(
        kind=Mailing.Kind.DIGEST, digest=digest, list=mailing_list, scheduled_for=NOON, time_zone="Europe/Berlin"
    )
    context = mailing_context(mailing, items, language) | {"links": LINKS.there()}
    return compose(compiled("digest"), context).merge(personal_context(ADA, LINKS))


def item(title: str, **values: Any) -> dict[str, Any]:
    """An item as templates see it."""
    plain = {"summary": "", "url": "https://news.example.org/1", "image_url": "", "category": "", "published_at": NOON}
    made = {"title": title, **plain, **values}
    return made | {"summary": own_summary(made["summary"], title)}


def message(slug: str) -> bytes:
    """The sample as it is on the wire, without the dots that SMTP adds."""
    context = sample_of(slug)
    sender = Sender(context["list"]["name"], "post@example.org", list_id="<harbour.example.org>")
    addressee = Addressee(ADA.name, ADA.email, "<4h2zq6n0w8xk5m3t7r1c9d@example.org>", context["links"]["unsubscribe"])
    personal = {name: context[name] for name in ("recipient", "links")}
    letter = Stationery(compose(compiled(slug), context), sender, eight_bit=True)
    return letter.data(personal, addressee, datetime.now(UTC)).removesuffix(b"\r\n.\r\n").replace(b"\r\n..", b"\r\n.")


def twenty_items() -> list[dict[str, Any]]:
    """A day's items, each with a summary of some length and some with a picture."""
    words = "The reading room on the second floor stays open until ten, and the café closes at eight. " * 2
    return [
        item(
            f"Number {number}: the library opens until ten at night",
            summary=f"{words}See the [plan](https://news.example.org/{number}/plan) for **all** floors.",
            url=f"https://news.example.org/2026/11/23/the-library-opens-until-ten-at-night-{number}",
            image_url=PICTURE if number % 3 == 0 else "",
            category=("Town", "Around the corner", "Neighbours", "")[number % 4],
        )
        for number in range(20)
    ]


def right_to_left() -> Rendered:
    """A digest of a list in Hebrew."""
    shown = sample_mail("digest").html  # for its pictures, which need no network
    pictures = [address.partition('"')[0] for address in shown.split('src="')[1:]]
    items = [
        item(
            "הספרייה פתוחה עד עשר בלילה",
            summary="החל מיום שני אולם הקריאה בקומה השנייה נשאר פתוח **עד עשר**. בית הקפה נסגר בשמונה.",
            image_url=unescape(pictures[0]),
            category="העיר",
        ),
        item("רחוב הגשר סגור לשלושה שבועות", summary="קו 4 נוסע דרך הרציף.", image_url=unescape(pictures[1]), category="העיר"),
        item("Choir looks for two basses", summary="Rehearsals are on Tuesdays at seven.", category="שכנים"),
        item("נמצא: חתול אפור אחד, ידידותי מאוד", summary="הוא מחכה במספר 18.", category="שכנים"),
    ]  # fmt: skip
    return digest_mail(items, "he", name="רובע הנמל", description="חדשות מרובע הנמל.", accent="#7a2e1f")
