"""How the admin looks: its title, its accent colour (the mails' own) and its sidebar, in the users' words."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _page(title: str, icon: str, model: str) -> dict[str, Any]:
    """A line of the sidebar that leads to a model's list, for those who may see it."""
    app, _, name = model.partition(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": _may_view(f"{app}.view_{name}"),
    }


def _recipients(title: str, icon: str) -> dict[str, Any]:
    """The line to people, which is not the open one while a question about one of them is."""
    line = _page(title, icon, "mailer.recipient")
    questions = [reverse_lazy("admin:mailer_recipient_find"), reverse_lazy("admin:mailer_recipient_why")]

    def is_active(request: HttpRequest) -> bool:
        return request.path.startswith(str(line["link"])) and request.path not in map(str, questions)

    return {**line, "active": is_active}


def _question(title: str, icon: str, name: str) -> dict[str, Any]:
    """A line of the sidebar that leads to a question about a person."""
    may = _may_view("mailer.view_recipient")
    return {"title": title, "icon": icon, "link": reverse_lazy(name), "permission": may}


def _may_view(permission: str) -> Callable[[HttpRequest], bool]:
    """A question to the request's user."""

    def ask(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return ask


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Afternoon Post",
    "SITE_HEADER": "Afternoon Post",
    "SITE_SUBHEADER": "Digests, on time",
    "SITE_SYMBOL": "mail",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda request: static("post/mends.css")],
    "SCRIPTS": [lambda request: static("post/names.js")],
    "DASHBOARD_CALLBACK": "mailer.admin.dashboard.fill_dashboard",
    "COLORS": {
        "primary": {
            "50": "#f0f8fa",
            "100": "#dbeef4",
            "200": "#bbdfe9",
            "300": "#a4d2e1",
            "400": "#86c5d8",
            "500": "#5fb0c9",
            "600": "#14566b",
            "700": "#11495b",
            "800": "#103e4d",
            "900": "#0f3440",
            "950": "#0a222a",
        }
    },
    "SIDEBAR": {
        "navigation": [
            {"items": [{"title": "Today", "icon": "dashboard", "link": reverse_lazy("admin:index")}]},
            {
                "title": "Ask",
                "items": [
                    _question("Find a person", "person_search", "admin:mailer_recipient_find"),
                    _question("Why was this not sent?", "help", "admin:mailer_recipient_why"),
                ],
            },
            {
                "title": "Who",
                "separator": True,
                "items": [
                    _page("Lists", "groups", "mailer.recipientlist"),
                    _page("Segments", "filter_alt", "mailer.segment"),
                    _recipients("Recipients", "person"),
                    _page("Suppressions", "block", "mailer.suppression"),
                    _page("Imports", "upload_file", "mailer.import"),
                ],
            },
            {
                "title": "What",
                "separator": True,
                "items": [
                    _page("Digests", "newspaper", "mailer.digest"),
                    _page("Announcements", "campaign", "mailer.announcement"),
                    _page("Items", "article", "mailer.digestitem"),
                    _page("Feeds", "rss_feed", "mailer.feed"),
                    _page("Templates", "design_services", "mailer.emailtemplate"),
                ],
            },
            {
                "title": "Log",
                "separator": True,
                "items": [
                    _page("Mailings", "outbox", "mailer.mailing"),
                    _page("Deliveries", "mark_email_read", "mailer.delivery"),
                    _page("Returns", "reply_all", "mailer.return"),
                    _page("Task results", "receipt_long", "django_celery_results.taskresult"),
                    _page("Webhook deliveries", "webhook", "mailer.webhookdelivery"),
                    _page("Alerts", "notification_important", "mailer.alert"),
                    _page("Changes", "history", "admin.logentry"),
                ],
            },
            {
                "title": "Schedules",
                "separator": True,
                "items": [
                    _page("Periodic tasks", "event_repeat", "django_celery_beat.periodictask"),
                    _page("Crontabs", "schedule", "django_celery_beat.crontabschedule"),
                    _page("Sending limits", "speed", "mailer.sendinglimit"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _page("Users", "badge", "auth.user"),
                    _page("Groups", "groups_2", "auth.group"),
                    _page("API keys", "key", "mailer.apikey"),
                    _page("Webhooks", "webhook", "mailer.webhookendpoint"),
                    _page("Failed logins", "lock_clock", "axes.accessattempt"),
                    _page("Logins", "login", "axes.accesslog"),
                ],
            },
        ]
    },
}
