"""The inbox beside the admin, for tests: config/urls.py includes it only in a local run."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("inbox/", include("config.local.inbox_urls")), path("admin/", admin.site.urls)]
