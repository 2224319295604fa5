"""The events of every provider at once, for the tests."""

from django.urls import path

from mailer.web.provider_events import VIEWS, come_again_if_too_early

urlpatterns = [path(f"events/{name}/", come_again_if_too_early(view.as_view())) for name, view in VIEWS.items()]
