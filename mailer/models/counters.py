"""Rows that count: one more, by however many programs at once."""

from typing import Any

from django.db import models


def add_one(model: type[models.Model], counter: str, **key: Any) -> models.QuerySet[Any]:
    """Add one to the counter of the row with this unique key, made if there is none. Returns that row."""
    row, more = model._default_manager.filter(**key), {counter: models.F(counter) + 1}
    if not row.update(**more):
        model._default_manager.bulk_create([model(**key)], ignore_conflicts=True)
        row.update(**more)
    return row
