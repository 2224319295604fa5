"""Suppresses addresses and lifts that again; what was lifted, by whom and why, stays on record."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mailer.models import BounceScore, Erasure, LiftedSuppression, Suppression


def suppress(wanted: Suppression, now: datetime) -> Suppression:
    """See to it that nothing goes to the address from now on. Returns what holds.

    `wanted` is not saved yet; it is only if none holds already for as long. One that has expired, or would sooner than
    this, becomes history: a bounce for good is not to be over with a pause that staff had asked for.
    """
    with transaction.atomic():
        held = Suppression.objects.select_for_update(of=("self",)).filter(email=wanted.email).first()
        if held is not None and held.expires_at is not None:
            if held.expires_at <= now:
                _retire(held, "It had expired.", None, held.expires_at)
            elif wanted.expires_at is None or wanted.expires_at > held.expires_at:
                _retire(held, "A longer one took its place.", wanted.created_by, now)
        elif held is not None and held.is_for_lists and not wanted.is_for_lists and wanted.expires_at is None:
            _retire(held, "One for all mail took its place.", wanted.created_by, now)
        fields = ("reason", "note", "expires_at", "created_by")
        defaults = {name: getattr(wanted, name) for name in fields}
        return Suppression.objects.get_or_create(email=wanted.email, defaults=defaults)[0]


def lift_suppression(suppression: Suppression, note: str, by: Any, now: datetime) -> LiftedSuppression:
    """Let mail go to the address again, also if it is one of somebody who was erased. Returns what is kept of it."""
    with transaction.atomic():
        lift_erasure(suppression.email, note, by, now)
        BounceScore.objects.filter(email=suppression.email).delete()  # a fresh start
        return _retire(suppression, note, by, now)


def lift_all(suppressions: QuerySet[Suppression], note: str, now: datetime) -> int:
    """Lift them by some statements for all; none is one of somebody who was erased. Returns how many there were."""
    with transaction.atomic():
        held = list(suppressions.select_for_update(of=("self",)))
        BounceScore.objects.filter(email__in=[one.email for one in held]).delete()
        LiftedSuppression.objects.bulk_create([_as_lifted(one, note, None, now) for one in held])
        return Suppression.objects.filter(pk__in=[one.pk for one in held]).delete()[0]


def lift_erasure(address: str, note: str, by: Any, now: datetime) -> int:
    """Forget the fingerprint by which the address would be suppressed if it came back. Returns how many there were."""
    return Erasure.objects.effective().of(address).update(lifted_at=now, lifted_by=by, lift_note=note)


def _retire(suppression: Suppression, note: str, by: Any, at: datetime) -> LiftedSuppression:
    kept = _as_lifted(suppression, note, by, at)
    kept.save(force_insert=True)
    suppression.delete()
    return kept


def _as_lifted(suppression: Suppression, note: str, by: Any, at: datetime) -> LiftedSuppression:
    return LiftedSuppression(
        pk=suppression.pk,
        email=suppression.email,
        reason=suppression.reason,
        note=suppression.note,
        created_at=suppression.created_at,
        created_by_id=suppression.created_by_id,
        lifted_at=at,
        lifted_by=by,
        lift_note=note,
    )
