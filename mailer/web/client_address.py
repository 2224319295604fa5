"""From where a request comes, also behind a proxy."""

import re
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

#: Some proxies add the port.
WITH_PORT = re.compile(r"\[?(?P<address>[\d.]+|(?<=\[)[0-9a-fA-F:.]+)\]?:\d+")


def address_of(request: HttpRequest) -> str:
    """From where a request comes; behind a proxy, what that saw, which is the last in its header.

    Whatever stands before it, the client may have written itself.
    """
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() if settings.BEHIND_PROXY else ""
    found = WITH_PORT.fullmatch(seen)
    try:
        return str(ip_address(found["address"] if found else seen))
    except ValueError:
        return str(request.META.get("REMOTE_ADDR", ""))
