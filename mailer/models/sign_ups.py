"""Who asked lately to be put onto a list, only to be counted: no address and no network can be read from it."""

from datetime import datetime, timedelta

from django.db import models

#: For how long they are counted.
COUNTED = timedelta(days=1)


class SignUpQuerySet(models.QuerySet["SignUp"]):
    """Sign-ups by when they were."""

    def since(self, moment: datetime) -> "SignUpQuerySet":
        """Those of that time and later."""
        return self.filter(at__gt=moment)


class SignUp(models.Model):
    """That somebody sent a sign-up form: keyed marks of the address that was typed and of the network it came from."""

    address = models.CharField(max_length=32)
    network = models.CharField(max_length=32)
    at = models.DateTimeField()

    objects = SignUpQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["address", "at"], name="sign_up_by_address"),
            models.Index(fields=["network", "at"], name="sign_up_by_network"),
            models.Index(fields=["at"], name="sign_up_by_time"),
        ]

    def __str__(self) -> str:
        return f"Sign-up {self.pk}"
