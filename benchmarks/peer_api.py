"""What one writes around django-post_office so that other programs can send mails: a key, a JSON body, 202 and an id.

Imported in benchmarks/.venv once Django is set up; also the URLs of the peer's project.
"""

import json
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from post_office import mail
from post_office.models import EmailTemplate

SENDER = "The Afternoon <post@example.org>"
_FIELDS = {"template": str, "to": str, "context": dict}


class Key(models.Model):
    """Who may send; only the token's hash is here."""

    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return self.digest[:8]


def digest_of(token: str) -> str:
    """As it is stored."""
    return sha256(token.encode()).hexdigest()


@csrf_exempt
@require_POST
def send_notification(request: HttpRequest) -> HttpResponse:
    """Queue the mail. The template is filled when the mail is sent: that is quicker here than filling it at once."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not Key.objects.filter(digest=digest_of(token)).exists():
        return JsonResponse({"detail": "Unauthorized"}, status=401)
    try:
        data = _checked(json.loads(request.body))
        email = mail.send(
            data["to"], SENDER, template=data["template"], context=data["context"], render_on_delivery=True
        )
    except (ValueError, ValidationError) as error:
        return JsonResponse({"detail": str(error)}, status=422)
    except EmailTemplate.DoesNotExist:
        return JsonResponse({"detail": "There is no such template."}, status=404)
    return JsonResponse({"id": email.pk, "status": email.get_status_display()}, status=202)


def _checked(data: Any) -> dict[str, Any]:
    """Raises ValueError or ValidationError."""
    if not isinstance(data, dict) or data.keys() != _FIELDS.keys():
        raise ValueError(f"Give an object with {', '.join(_FIELDS)}.")
    for name, kind in _FIELDS.items():
        if not isinstance(data[name], kind):
            raise ValueError(f"{name} is no {kind.__name__}.")
    validate_email(data["to"])
    return data


urlpatterns = [path("api/v1/notifications", send_notification)]
