"""All URLs: the admin, and the local inbox where the embedded mail catcher runs."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from mailer.web.unsubscribe import unsubscribe

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
]
if settings.LOCAL_INBOX:
    urlpatterns.append(path("inbox/", include("config.local.inbox_urls")))
