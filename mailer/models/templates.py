"""Mail templates and their immutable versions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce


class Parts(NamedTuple):
    """The sources of a mail in one language, layout put in."""

    subject: str
    html: str
    text: str


class EmailTemplate(models.Model):
    """A mail by its name; what it says is in its versions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    in_use = models.ForeignKey(
        "TemplateVersion",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What new mailings send. Empty: the newest version.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]
        verbose_name = "template"

    def __str__(self) -> str:
        return self.name

    def version_to_send(self) -> "TemplateVersion":
        """The version that a new mailing will send. Raises TemplateVersion.DoesNotExist."""
        return self.versions.to_send().get()


class TemplateVersionImmutable(Exception):
    """A saved version is never changed: a mailing may have sent it."""


class TemplateVersionQuerySet(models.QuerySet["TemplateVersion"]):
    """Versions by what is sent."""

    def to_send(self) -> "TemplateVersionQuerySet":
        """Of each template the one that new mailings send: no draft."""
        newest = TemplateVersion.objects.filter(template=OuterRef("template")).order_by("-number")
        return self.filter(pk=Coalesce("template__in_use", Subquery(newest.values("pk")[:1])))


class TemplateVersion(models.Model):
    """What a mail says, at one time: sources as their author wrote them, layout already put in."""

    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=998)
    html = models.TextField("HTML")
    text = models.TextField()
    written = models.JSONField(
        default=dict,
        blank=True,
        help_text="What its author wrote: language (empty for the first) → html and text, without the layout.",
    )
    translations = models.JSONField(
        default=dict, blank=True, help_text="Language → subject, html and text, layout put in."
    )
    from_files = models.BooleanField(default=False)
    sample = models.JSONField(default=dict, blank=True, help_text="A context that names every variable.")
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TemplateVersionQuerySet.as_manager()

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

    def parts(self, language: str = "") -> Parts:
        """The sources for who reads this language: its translation, that of its main language, or the first ones."""
        found = self.translations.get(self.translation_for(language))
        return Parts(**found) if found else Parts(self.subject, self.html, self.text)

    def translation_for(self, language: str) -> str:
        """Which of the translations is for `pt-BR`: that, or the one for `pt`; empty where there is none."""
        return match_language(language, self.translations)


def match_language(language: str, there: Mapping[str, object]) -> str:
    """The language of those there are that is nearest to the one asked for; empty for none."""
    asked = language.replace("_", "-").lower()
    known = {name.lower(): name for name in there}
    return known.get(asked) or known.get(asked.partition("-")[0]) or ""
