"""What single mails bring along: files to a template's mail, or a whole message that another program wrote."""

from django.db import models

from mailer.models.mailings import Mailing


class Message(models.Model):
    """A message that a program gave us ready-made (RFC 5322), shared by the mailings to each of its recipients.

    It is kept for MESSAGE_DAYS: long enough to send it once more, and no longer, for anything may be in it.
    """

    source = models.BinaryField(help_text="With CRLF line ends, 7-bit, without Bcc; our Message-ID is put before it.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"message {self.pk}"


class Attachment(models.Model):
    """A file that goes with a single mail; kept as long as messages are."""

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=127)
    content = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
