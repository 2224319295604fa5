"""The client: one method an address of the API."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from afternoon_post import values
from afternoon_post.transport import Call, Transport
from afternoon_post.values import plain, read

Row = TypeVar("Row")


class AfternoonPost:
    """The service, as a program with a key sees it. Every method raises Problem and Unreachable."""

    def __init__(self, url: str, token: str, **patience: Any) -> None:
        """`url` as in `https://post.example.org`; the token begins with `ap_`.

        Of Transport `timeout`, `retries` and `longest_wait` can be given, in seconds and times.
        """
        self._transport = Transport(url, token, **patience)

    def lists(self) -> list[values.MailingList]:
        """All lists, by name."""
        return [read(values.MailingList, row) for row in self._get("lists")]

    def write_item(self, list: str, item: values.NewItem) -> int:
        """Add one item to the list's digests, or change it. Returns its id."""
        return self.write_items(list, [item]).ids[0]

    def write_items(self, list: str, items: Sequence[values.NewItem]) -> values.StoredItems:
        """Up to 1,000 items, all of them or none."""
        is_safe = all(item.external_id is not None for item in items)
        data = {"items": plain([*items])}
        return read(values.StoredItems, self._post(f"lists/{_part(list)}/items", data, is_safe=is_safe))

    def items(self, list: str) -> Iterator[values.Item]:
        """The list's items, the newest first."""
        return self._rows(values.Item, f"lists/{_part(list)}/items")

    def hide_item(self, list: str, external_id: str) -> None:
        """Take an item back: it is in no digest to come."""
        self._transport.ask(Call("DELETE", f"lists/{_part(list)}/items/{_part(external_id)}"))

    def write_recipients(self, recipients: Sequence[values.NewRecipient]) -> Sequence[values.WrittenRecipient]:
        """Add or change up to 1,000 people and their subscriptions, all of them or none."""
        written = self._post("recipients", {"recipients": plain([*recipients])})
        return [read(values.WrittenRecipient, row) for row in written["recipients"]]

    def write_recipient(self, recipient: values.NewRecipient) -> values.WrittenRecipient:
        """Add or change one person and their subscriptions."""
        return self.write_recipients([recipient])[0]

    def recipient(self, email: str) -> values.Recipient:
        """A person, and how they stand with each list."""
        return read(values.Recipient, self._get(f"recipients/{_part(email)}"))

    def notify(  # noqa: PLR0913 - what is behind the star is rarely given
        self,
        to: str,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        send_at: datetime | None = None,
        key: str | None = None,
        attachments: Sequence[values.Attachment] = (),
    ) -> values.Notification:
        """Send one person one mail, at once or at `send_at` (aware). It is written down when this returns.

        The same idempotency `key` again sends no other mail; without one this call has one of its own.
        """
        data = {"to": to, "template": template, "context": plain(context or {}), "attachments": plain([*attachments])}
        timed = data if send_at is None else {**data, "send_at": plain(send_at)}
        return read(values.Notification, self._post("notifications", timed, {"Idempotency-Key": key or str(uuid4())}))

    def notification(self, id: int) -> values.Notification:
        """A single mail as it stands."""
        return read(values.Notification, self._get(f"notifications/{id}"))

    def mailings(
        self, *, list: str | None = None, digest: str | None = None, status: str | None = None
    ) -> Iterator[values.Mailing]:
        """Mailings to lists, the newest first."""
        return self._rows(values.Mailing, "mailings", list=list, digest=digest, status=status)

    def mailing(self, id: int) -> values.Mailing:
        """A mailing as it stands."""
        return read(values.Mailing, self._get(f"mailings/{id}"))

    def deliveries(self, mailing: int, *, status: str | None = None) -> Iterator[values.Delivery]:
        """A mailing's mails."""
        return self._rows(values.Delivery, f"mailings/{mailing}/deliveries", status=status)

    def deliveries_to(self, email: str) -> Iterator[values.Delivery]:
        """The last mails to a person, the newest first."""
        return self._rows(values.Delivery, f"recipients/{_part(email)}/deliveries")

    def delivery(self, id: int) -> values.Delivery:
        """A mail as it stands."""
        return read(values.Delivery, self._get(f"deliveries/{id}"))

    def suppressions(self) -> Iterator[values.Suppression]:
        """Those that hold now, the newest first."""
        return self._rows(values.Suppression, "suppressions")

    def suppression(self, email: str) -> values.Suppression:
        """Why nothing goes to the address; a Problem with status 404 if mail does."""
        return read(values.Suppression, self._get(f"suppressions/{_part(email)}"))

    def suppress(self, email: str, note: str = "", expires_at: datetime | None = None) -> values.Suppression:
        """See to it that nothing goes to the address, for good or until then (aware)."""
        data = {"email": email, "note": note}
        timed = data if expires_at is None else {**data, "expires_at": plain(expires_at)}
        return read(values.Suppression, self._post("suppressions", timed))

    def lift_suppression(self, email: str, note: str) -> None:
        """Let mail go to the address again; `note` says why, and stays on record."""
        self._transport.ask(Call("DELETE", f"suppressions/{_part(email)}", data={"note": note}, is_safe=False))

    def _get(self, path: str, **query: Any) -> Any:
        return self._transport.ask(Call("GET", path, query))

    def _post(self, path: str, data: Any, headers: Mapping[str, str] | None = None, is_safe: bool = True) -> Any:
        return self._transport.ask(Call("POST", path, data=data, headers=headers or {}, is_safe=is_safe))

    def _rows(self, kind: type[Row], path: str, **query: Any) -> Iterator[Row]:
        cursor: int | None = None
        while True:
            page = self._get(path, **query, cursor=cursor, limit=200)
            yield from (read(kind, row) for row in page["results"])
            cursor = page["next"]
            if cursor is None:
                return


def _part(text: str) -> str:
    """As one part of a path, whatever is in it."""
    return quote(text, safe="@")
