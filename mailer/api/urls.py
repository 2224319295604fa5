"""The addresses of the API, and its documents."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from mailer.api import items, lists, log, notifications, people, suppressions
from mailer.api.problems import MEDIA_TYPE, PROBLEM, handle_problems

#: What any address can answer besides what it is there for.
_PROBLEMS = ("400", "401", "403", "404", "409", "413", "422", "429")


class Api(NinjaAPI):
    """With what can go wrong in its documents."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        """The schema, in which each address also answers problem details."""
        schema = super().get_openapi_schema(**kwargs)
        schema["components"].setdefault("schemas", {})["Problem"] = PROBLEM
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status in _PROBLEMS:
                    phrase = HTTPStatus(int(status)).phrase
                    operation["responses"].setdefault(status, {"description": phrase, "content": content})
                # The web server's own word, before it is our turn.
                operation["responses"]["414"] = {"description": "URI Too Long", "content": {"text/html": {}}}
        return schema


api = Api(
    title=f"{settings.SITE_NAME} API",
    version="1",
    description="Items, people and mails from other programs. Times have their offset from UTC. Errors are problem "
    "details (RFC 9457) that name each field.",
    urls_namespace="api",
)
handle_problems(api)
for part in (lists, items, people, notifications, log, suppressions):
    api.add_router("", part.router)
