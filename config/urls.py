"""All URLs: the admin, and the local inbox where the embedded mail catcher runs."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from mailer.web.preferences import forget_me, preferences, take_data
from mailer.web.sign_up import confirm_sign_up, embedded_sign_up, sign_up
from mailer.web.unsubscribe import unsubscribe

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
    path("p/<str:token>", preferences, name="preferences"),
    path("p/<str:token>/data", take_data, name="take_data"),
    path("p/<str:token>/erase", forget_me, name="forget_me"),
    path("s/<slug:slug>", sign_up, name="sign_up"),
    path("s/<slug:slug>/form", embedded_sign_up, name="embedded_sign_up"),
    path("c/<str:token>", confirm_sign_up, name="confirm_sign_up"),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
]
if settings.LOCAL_INBOX:
    urlpatterns.append(path("inbox/", include("config.local.inbox_urls")))
