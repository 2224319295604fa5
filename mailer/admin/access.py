"""Who may do and see what in the admin, beyond Django's own permissions on each model."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from mailer.models import Mailing
from mailer.models.addresses import ADDRESS, read_by, shown_address

__all__ = [
    "may_import",
    "may_see_addresses",
    "may_see_mail",
    "may_send",
    "remember_viewer",
    "row_to_change",
    "sees",
    "shown_address",
    "shown_text",
]

#: Nobody adds a mailing by hand, so the permission to add one is the permission to send, pause, cancel and retry.
SEND = "mailer.add_mailing"
SEE_ADDRESSES = "mailer.see_address"

User = AbstractBaseUser | AnonymousUser


def remember_viewer(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what a page shows may depend on who looks."""

    def respond(request: HttpRequest) -> HttpResponse:
        with read_by(lambda: may_see_addresses(request.user)):
            return get_response(request)

    return respond


def may_send(user: User) -> bool:
    """Whether the person may send, pause, resume, cancel and retry."""
    return _may(user, SEND)


def may_see_addresses(user: User) -> bool:
    """Whether the person sees people's addresses in full."""
    return _may(user, SEE_ADDRESSES)


def may_see_mail(user: User, mailing: Mailing) -> bool:
    """Whether the person may read the mailing's mails: there are addresses in them.

    A single mail may hold what opens somebody's account, such as a code or a link to a new password. So only a
    superuser reads these.
    """
    is_single = mailing.kind == Mailing.Kind.NOTIFICATION
    return may_see_addresses(user) and (not is_single or bool(getattr(user, "is_superuser", False)))


def may_import(user: User) -> bool:
    """Whether the person may put people on lists by the file."""
    return _may(user, "mailer.add_recipient") and _may(user, "mailer.add_subscription")


def sees(address: str) -> bool:
    """Whether whoever is looking sees this address in full, and so may search for it."""
    return shown_address(address) == address


def shown_text(text: str) -> str:
    """A text with each address in it as `shown_address` shows it: what a mail server says names people too."""
    return ADDRESS.sub(lambda found: shown_address(found.group()), text)


def _may(user: User, permission: str) -> bool:
    return isinstance(user, PermissionsMixin | AnonymousUser) and user.has_perm(permission)


def row_to_change(pages: "ModelAdmin[Any]", request: HttpRequest, pk: int) -> Any:
    """A row of the pages, for those who may change it. Raises PermissionDenied and Http404."""
    if not pages.has_change_permission(request):
        raise PermissionDenied
    row = pages.get_object(request, str(pk))
    if row is None:
        raise Http404(f"There is no such {pages.opts.verbose_name}.")
    return row
