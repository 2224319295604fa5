"""Where the provider in PROVIDER posts its events; read only if there is one, for only then is anymail needed."""

from django.conf import settings
from django.urls import path

from mailer.web.provider_events import VIEWS, come_again_if_too_early

urlpatterns = [
    path(f"{name}/", come_again_if_too_early(view.as_view()), name="provider_events")
    for name, view in VIEWS.items()
    if name == settings.PROVIDER
]
