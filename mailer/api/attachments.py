"""Files that come with a mail, in the request's own JSON."""

from base64 import b64decode

from ninja import Field
from pydantic import model_validator

from mailer.api.values import ContentType, FileName, Given
from mailer.scheduling.notifications import File


class FileIn(Given):
    """A file that goes with the mail."""

    name: FileName = Field(examples=["invoice.pdf"])
    content_type: ContentType = Field("application/octet-stream", examples=["application/pdf"])
    content: str = Field(
        description="In base64 (RFC 4648 section 4).", examples=["JVBERi0x"], json_schema_extra={"format": "byte"}
    )

    @model_validator(mode="after")
    def check(self) -> "FileIn":
        """Whether a mail can have it."""
        self.as_file()
        return self

    def as_file(self) -> File:
        """The file itself. Raises ValueError."""
        return File(self.name, self.content_type.lower(), b64decode(self.content, validate=True))
