"""People who were erased: a mark that knows an address when it comes back, and from which none can be read."""

from functools import cache
from hashlib import blake2b, sha256
from typing import Any

from django.conf import settings
from django.db import models

from mailer.models.addresses import normalise_address
from mailer.models.suppressions import Suppression


def fingerprint(address: str) -> str:
    """The address's keyed BLAKE2b (RFC 7693), 32 hexadecimal digits: the same for each spelling of it.

    Without the key, trying out all the world's addresses finds nothing. Raises InvalidAddress.
    """
    return blake2b(normalise_address(address).encode(), digest_size=16, key=_key(settings.ERASURE_KEY)).hexdigest()


@cache
def _key(secret: str) -> bytes:
    return sha256(f"afternoon-post erasure {secret}".encode()).digest()


class ErasureQuerySet(models.QuerySet["Erasure"]):
    """Erasures by whether they hold."""

    def effective(self) -> "ErasureQuerySet":
        """Those that staff have not lifted: nothing goes to the address, should it come back."""
        return self.filter(lifted_at=None)

    def of(self, address: str) -> "ErasureQuerySet":
        """Those of this address. Raises InvalidAddress."""
        return self.filter(fingerprint=fingerprint(address))


class Erasure(models.Model):
    """That somebody was erased, when and by whom: all that is kept of them."""

    fingerprint = models.CharField(max_length=32, db_index=True, editable=False)
    note = models.CharField(
        "reference", max_length=200, blank=True, help_text="Such as a ticket's number; no name and no address."
    )
    erased_at = models.DateTimeField()
    erased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    struck_at = models.DateTimeField(
        null=True, blank=True, help_text="When the files of imports were without the person."
    )
    lifted_at = models.DateTimeField(null=True, blank=True, help_text="Since then the address may get mail again.")
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lift_note = models.CharField("why it was lifted", max_length=500, blank=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Erasure {self.pk}"

    def as_suppression(self) -> dict[str, Any]:
        """What the Suppression says that keeps mail from the address when it comes back."""
        return {"reason": Suppression.Reason.ERASED, "note": f"erased on {self.erased_at:%-d %b %Y}"}
