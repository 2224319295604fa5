"""Mail templates and their immutable versions."""

from typing import Any

from django.conf import settings
from django.db import models


class EmailTemplate(models.Model):
    """A mail by its name; what it says is in its versions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]
        verbose_name = "template"

    def __str__(self) -> str:
        return self.name

    def latest(self) -> "TemplateVersion":
        """The version that a new mailing will send. Raises TemplateVersion.DoesNotExist."""
        return self.versions.latest("number")


class TemplateVersionImmutable(Exception):
    """A saved version is never changed: a mailing may have sent it."""


class TemplateVersion(models.Model):
    """What a mail says, at one time: sources as their author wrote them, layout already put in."""

    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=998)
    html = models.TextField("HTML")
    text = models.TextField()
    sample = models.JSONField(default=dict, blank=True, help_text="A context that names every variable.")
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["template", "-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_number")]

    def __str__(self) -> str:
        return f"{self.template.slug} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the version. Raises TemplateVersionImmutable on a second save."""
        if self.pk is not None:
            raise TemplateVersionImmutable(f"{self} is saved already; make a new version instead.")
        super().save(*args, **kwargs)
