"""All URLs: the admin, and the local inbox where the embedded mail catcher runs."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from mailer.api.urls import api
from mailer.feedback.providers import provider_fault
from mailer.web.archive import archive, archived_mail
from mailer.web.feed import archive_feed
from mailer.web.own_mail import own_mail
from mailer.web.preferences import forget_me, preferences, take_data
from mailer.web.sign_up import confirm_sign_up, embedded_sign_up, sign_up
from mailer.web.unsubscribe import unsubscribe

admin.autodiscover()  # here and not in each process: those that send mails have no pages
urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
    path("v/<str:token>", own_mail, name="own_mail"),
    path("lists/<slug:slug>/", archive, name="archive"),
    path("lists/<slug:slug>/feed.xml", archive_feed, name="archive_feed"),
    path("lists/<slug:slug>/<int:pk>/", archived_mail, name="archived_mail"),
    path("p/<str:token>", preferences, name="preferences"),
    path("p/<str:token>/data", take_data, name="take_data"),
    path("p/<str:token>/erase", forget_me, name="forget_me"),
    path("s/<slug:slug>", sign_up, name="sign_up"),
    path("s/<slug:slug>/form", embedded_sign_up, name="embedded_sign_up"),
    path("c/<str:token>", confirm_sign_up, name="confirm_sign_up"),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
]
if settings.PROVIDER and not provider_fault():
    urlpatterns.append(path("events/", include("mailer.web.provider_urls")))
if settings.LOCAL_INBOX:
    urlpatterns.append(path("inbox/", include("config.local.inbox_urls")))
