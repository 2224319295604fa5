"""Where the inbox's pages are; config/urls.py includes this only in a local run."""

from django.urls import path, register_converter

from config.local import inbox, mailbox


class MailName:
    """A mail's name in a URL; anything else, such as a path, is no such page."""

    regex = mailbox.NAME

    def to_python(self, value: str) -> str:
        """The name as it is."""
        return value

    def to_url(self, value: str) -> str:
        """The name as it is."""
        return value


class ViewName(MailName):
    """One way to look at a mail."""

    regex = "|".join(inbox.VIEWS)


register_converter(MailName, "mail")
register_converter(ViewName, "mail_view")

app_name = "inbox"
urlpatterns = [
    path("", inbox.show_list, name="list"),
    path("<mail:name>/", inbox.show_mail, name="mail"),
    path("<mail:name>/body/", inbox.show_body, name="body"),
    path("<mail:name>/<mail_view:view>/", inbox.show_mail, name="view"),
]
