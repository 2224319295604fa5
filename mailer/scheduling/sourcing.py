"""Asks a digest's sources, functions of other apps, for items before it is planned. None of them can stop it."""

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.db.models import Max

from mailer.audience.items import NewItem, store_items
from mailer.audience.sources import Item, UnknownSource, find_source
from mailer.models import Digest, InvalidAddress, Mailing, SourceState, Subscription, normalise_address
from mailer.scheduling.moments import has_fallen_due

logger = logging.getLogger(__name__)

#: So many items are stored together; a source that is a generator never has more of them in memory.
BATCH = 1_000


def call_due_sources(digest_id: int, now: datetime) -> None:
    """Call the digest's sources if it has any and an occurrence is to be planned. Raises InvalidSchedule."""
    digest = Digest.objects.select_related("list", "periodic_task__crontab").get(pk=digest_id)
    if digest.sources and has_fallen_due(digest, now):
        call_sources(digest, now)


def call_sources(digest: Digest, now: datetime) -> None:
    """Call each of the digest's sources and store what it gives. What goes wrong is logged and kept in its state.

    Not within a transaction: they are other people's code, and may ask other servers.
    """
    for name in digest.sources:
        state, _ = SourceState.objects.get_or_create(digest=digest, name=name)
        state.called_at, state.stored, state.left_out = now, 0, 0
        state.problem = ""
        for batch in _drawn(state, state.succeeded_at or _went_last(digest), now):
            _store(state, batch, now)
        if not state.problem:
            state.note_success(now)
        state.save()


def _drawn(state: SourceState, since: datetime, now: datetime) -> Iterator[list[Item]]:
    """What the source gives, in batches; also the one during which it failed, as far as it got."""
    batch: list[Item] = []
    try:
        for item in find_source(state.name)(state.digest, since, now):
            if not isinstance(item, Item):
                raise TypeError(f"A source gives mailer.sources.Item, not {type(item).__name__}.")
            batch.append(item)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except UnknownSource as error:
        logger.error("Digest %s has the source %s: %s", state.digest_id, state.name, error)
        state.note_failure(str(error), now)
    except Exception as error:
        # The one place for it: code of others may raise anything, and the digest is to go out all the same.
        logger.exception("The source %s of digest %s failed", state.name, state.digest_id)
        state.note_failure(_in_words(error), now)
    if batch:
        yield batch


def _store(state: SourceState, batch: Sequence[Item], now: datetime) -> None:
    mailing_list = state.digest.list
    people = _people(mailing_list.pk, [item.recipient for item in batch if item.recipient is not None])
    wanted = [item for item in batch if item.recipient is None or item.recipient in people]
    new = [_new_item(state.name, item, people.get(item.recipient or "")) for item in wanted]
    store_items(mailing_list, new, now)
    state.stored += len(wanted)
    state.left_out += len(batch) - len(wanted)


def _people(list_id: int, addresses: Sequence[str]) -> dict[str, int]:
    """Of the addresses, as they were written, those of active subscribers, with their recipients' ids."""
    normal: dict[str, str] = {}
    for address in addresses:
        with suppress(InvalidAddress):  # who has no address is on no list
            normal[address] = normalise_address(address)
    found = Subscription.objects.active().filter(list=list_id, recipient__email__in=set(normal.values()))
    ids = dict(found.values_list("recipient__email", "recipient_id"))
    return {written: ids[address] for written, address in normal.items() if address in ids}


def _new_item(source: str, item: Item, recipient_id: int | None) -> NewItem:
    """By its source's name and id; one for somebody by theirs too, or the next person's would take its place."""
    whose = source if recipient_id is None else f"{source}#{recipient_id}"
    return NewItem(
        title=item.title,
        external_id=f"source:{whose}:{item.external_id}",
        summary=item.summary,
        url=item.url,
        image_url=item.image_url,
        category=item.category,
        published_at=item.published_at,
        recipient_id=recipient_id,
    )


def _went_last(digest: Digest) -> datetime:
    """Since when there may be news the first time: the digest's last mailing, or else its making."""
    last: datetime | None = Mailing.objects.filter(digest=digest).aggregate(last=Max("started_at"))["last"]
    return last or digest.created_at


def _in_words(error: Exception) -> str:
    """What was raised and where; its own words may hold data, and stay in the log."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = frames[min(1, len(frames) - 1)]  # the first is ours, the second the source
    where = "/".join(Path(frame.filename).parts[-2:])
    return f"It raised {type(error).__name__} ({where}, line {frame.lineno}); the log has all of it."
