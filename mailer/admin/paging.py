"""Pages of tables with millions of rows: counts stop at a limit, and what lies beyond is reached by id."""

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

#: No list counts further; the first pages and "more than 10,000" are what people use.
CAP = 10_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than CAP + 1 rows, so that a page costs the same however large the table is."""

    template_name = "admin/mailer/pagination.html"

    @cached_property
    def count(self) -> int:
        """The number of rows, at most CAP."""
        return min(self._counted, CAP)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than are counted."""
        return self._counted > CAP

    @cached_property
    def _counted(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by()[: CAP + 1].count()
