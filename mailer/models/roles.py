"""Who may do what: the roles, as groups that `migrate` makes and that operators may change afterwards."""

from collections.abc import Iterator, Mapping, Sequence

from django.contrib.auth.models import Group, Permission
from django.db import models, transaction

#: Verbs of Django's model permissions.
READ = ("view",)
WRITE = ("view", "add", "change")
ALL = ("view", "add", "change", "delete")

#: Nobody adds a mailing by hand: to add one is to send. The models of `mailer` unless an app is named.
_LOG = ("Mailing", "Delivery", "Attempt", "Return")
_PAST = ("ConsentEvent", "LiftedSuppression", "Erasure")
_LISTS = ("RecipientList", "Recipient", "Subscription", "Suppression", "Import", "Segment", *_PAST)
_CONTENT = ("Digest", "DigestItem", "Feed", "Announcement", "EmailTemplate", "TemplateVersion")
_SERVICE = (
    "Alert",
    "SendingLimit",
    "admin.LogEntry",
    "django_celery_results.TaskResult",
    "django_celery_beat.PeriodicTask",
    "django_celery_beat.CrontabSchedule",
)

#: role → the verbs that it may use on these models.
#: A line for a model that is not there (yet) grants nothing; it is granted by the first `migrate` that finds the model.
ROLES: Mapping[str, Sequence[tuple[Sequence[str], Sequence[str]]]] = {
    "List manager": (
        (ALL, ("RecipientList", "Recipient", "Subscription", "Suppression", "DigestItem", "Feed", "Import", "Segment")),
        (READ, (*_PAST, "Digest", "Announcement", "EmailTemplate", "TemplateVersion", *_LOG, "admin.LogEntry")),
    ),
    "Template author": (
        (WRITE, ("EmailTemplate", "TemplateVersion")),
        (READ, ("RecipientList", "Digest", "DigestItem", "Feed", "Announcement", "Mailing", "admin.LogEntry")),
    ),
    "Sender": (
        (ALL, ("Digest", "DigestItem", "Feed", "Announcement")),
        (("view", "add"), ("Mailing",)),
        (READ, (*_LISTS, *_LOG, "EmailTemplate", "TemplateVersion", *_SERVICE)),
    ),
    "Reviewer": ((READ, (*_LISTS, *_CONTENT, *_LOG, *_SERVICE, "WebhookEndpoint", "WebhookDelivery")),),
}
#: The roles that see people's addresses in full.
SEE_ADDRESSES = ("List manager", "Sender")


class RoleGrant(models.Model):
    """A permission that a role was given once, so that it is not given again to a role from which it was taken."""

    role = models.CharField(max_length=150)
    permission = models.CharField(max_length=200, help_text="As in mailer.view_digest.")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="role_grant_once")]

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"


def grant_roles() -> None:
    """Make the roles that there are not yet, and give each what its table says and it was never given.

    What operators added stays; what they took away, and a role that they deleted or renamed, does not come back.
    """
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role in ROLES:
        granted = set(RoleGrant.objects.filter(role=role).values_list("permission", flat=True))
        new = [name for name in dict.fromkeys(permissions_of(role)) if name in permissions and name not in granted]
        if not new or (granted and not Group.objects.filter(name=role).exists()):
            continue
        with transaction.atomic():
            group, _ = Group.objects.get_or_create(name=role)
            group.permissions.add(*(permissions[name] for name in new))
            RoleGrant.objects.bulk_create(
                [RoleGrant(role=role, permission=name) for name in new], ignore_conflicts=True
            )


def permissions_of(role: str) -> Iterator[str]:
    """The names of the permissions that the table gives the role, such as `mailer.view_digest`."""
    for verbs, names in ROLES[role]:
        for name in names:
            app, _, model = name.rpartition(".")
            yield from (f"{app or 'mailer'}.{verb}_{model.lower()}" for verb in verbs)
    if role in SEE_ADDRESSES:
        yield "mailer.see_address"
