"""Who writes a mailing's mails: from its template, or from the message that a program gave us."""

from mailer.models import Mailing
from mailer.sending.letters import LetterWriter
from mailer.sending.ready_mail import MessageWriter

Writer = LetterWriter | MessageWriter


def writer_for(mailing: Mailing) -> Writer:
    """The mailing's writer. Raises TemplateError for a template that can't be used, or files that are gone."""
    return MessageWriter(mailing) if mailing.message_id is not None else LetterWriter(mailing)
