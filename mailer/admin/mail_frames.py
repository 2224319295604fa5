"""What stands in a frame of the admin: a mail's HTML or text, or in a sentence why there is none."""

from typing import Protocol

from django.http import HttpResponse
from django.utils.html import escape

#: A mail is foreign HTML: nothing in it may run, load or reach the admin, also when the address is opened directly.
PREVIEW_POLICY = "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'"
WITHOUT_IMAGES = "sandbox; default-src 'none'; style-src 'unsafe-inline'"


class Readable(Protocol):
    """A mail that can be shown."""

    @property
    def html(self) -> str:
        """Its HTML part."""

    @property
    def text(self) -> str:
        """Its text part."""


def mail_frame(mail: Readable | str, as_text: bool, policy: str = PREVIEW_POLICY) -> HttpResponse:
    """The answer for a frame: the mail, or the sentence that says why there is none."""
    if isinstance(mail, str):
        body = f"<p style='font:16px/1.5 sans-serif'>{escape(mail)}</p>"
    elif as_text:
        body = f"<pre style='font:14px/1.5 monospace;white-space:pre-wrap'>{escape(mail.text)}</pre>"
    else:
        body = mail.html
    return HttpResponse(body, headers={"Content-Security-Policy": policy, "X-Robots-Tag": "noindex"})
