"""Who may do and see what in the admin, beyond Django's own permissions on each model."""

from collections.abc import Callable
from contextvars import ContextVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.http import HttpRequest, HttpResponse

#: Nobody adds a mailing by hand, so the permission to add one is the permission to send, pause, cancel and retry.
SEND = "mailer.add_mailing"
SEE_ADDRESSES = "mailer.see_address"

User = AbstractBaseUser | AnonymousUser
# The columns of a list are not told for whom they are drawn.
_viewer: ContextVar[User | None] = ContextVar("viewer", default=None)


def remember_viewer(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what a page shows may depend on who looks."""

    def respond(request: HttpRequest) -> HttpResponse:
        token = _viewer.set(request.user)
        try:
            return get_response(request)
        finally:
            _viewer.reset(token)

    return respond


def may_send(user: User) -> bool:
    """Whether the person may send, pause, resume, cancel and retry."""
    return _may(user, SEND)


def may_see_addresses(user: User) -> bool:
    """Whether the person sees people's addresses in full."""
    return _may(user, SEE_ADDRESSES)


def shown_address(address: str) -> str:
    """The address as whoever is looking may see it: `j…@example.org` without the permission."""
    viewer = _viewer.get()
    if viewer is not None and may_see_addresses(viewer):
        return address
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else address


def _may(user: User, permission: str) -> bool:
    return isinstance(user, PermissionsMixin | AnonymousUser) and user.has_perm(permission)
