"""The files that go with a single mail, put into the message that was made without them."""

import re
from base64 import encodebytes
from collections.abc import Sequence
from email.utils import encode_rfc2231

from mailer.models import Attachment, Mailing
from mailer.sending.message import new_boundary
from mailer.templating.sandbox import TemplateError

#: The header fields that say what a body is; they go with it into the first part.
_OF_THE_BODY = re.compile(rb"^(Content-[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)", re.MULTILINE)


def files_of(mailing: Mailing) -> list[Attachment]:
    """The files that go with the mailing's mail, as long as they are kept."""
    return list(mailing.attachments.all()) if mailing.has_attachments else []


def enclose(data: bytes, files: Sequence[Attachment]) -> bytes:
    """The mail as it goes after DATA, with the files: multipart/mixed (RFC 2046 section 5.1.3) of it and them.

    The files' lines are base64 and the boundaries begin with two hyphens, so no dot has to be doubled. Raises
    TemplateError if there are none: they are not kept any more.
    """
    if not files:
        raise TemplateError("The files that go with this mail are not kept any more (MESSAGE_DAYS).")
    head, _, body = data.removesuffix(b".\r\n").partition(b"\r\n\r\n")
    head += b"\r\n"
    inner, boundary = b"".join(_OF_THE_BODY.findall(head)), new_boundary()
    outer = _OF_THE_BODY.sub(b"", head)
    kind = f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n'
    mark = f"--{boundary}".encode()
    parts = [inner + b"\r\n" + body, *map(_part, files)]
    joined = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts)
    return outer + kind.encode() + b"\r\n" + joined + mark + b"--\r\n.\r\n"


def _part(file: Attachment) -> bytes:
    head = (
        f"Content-Type: {file.content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {_file_name(file.name)}\r\n\r\n"
    )
    return head.encode("ascii") + encodebytes(bytes(file.content)).replace(b"\n", b"\r\n")


def _file_name(name: str) -> str:
    """The parameter (RFC 2183 section 2.3); RFC 2231's form where it is not plain ASCII."""
    if name.isascii() and name.isprintable() and len(name) < 60:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'filename="{quoted}"'
    return f"filename*={encode_rfc2231(name, 'utf-8')}"
