"""Values that stand in a statement as words."""

from collections.abc import Iterable
from typing import Any

from django.db import models


class Literal(models.Value):
    """A value that is written into the statement: SQLite uses a partial index only for the words of its condition."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """The value, a text in quotes; it is one of ours and holds none."""
        return (f"'{self.value}'" if isinstance(self.value, str) else f"{self.value:d}"), ()


def listed(ids: Iterable[int]) -> str:
    """The ids as they stand within `IN (…)`; nothing but numbers gets through."""
    return ", ".join(f"{pk:d}" for pk in ids)
