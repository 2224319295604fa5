"""People whom other programs bring, also two at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections
from django.utils import timezone

from mailer.audience.consent import Word
from mailer.audience.people import Membership, Profile, Written, write_people
from mailer.models import Recipient, Subscription
from tests.build import make_list

pytestmark = pytest.mark.django_db(transaction=True)
PROGRAMS = 4


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its writers wait for each other from the beginning")
def test_the_same_new_person_is_brought_by_several_at_once():
    mailing_list, word, ready = make_list("news"), Word("the API", timezone.now()), Barrier(PROGRAMS)

    def bring(number: int) -> Written:
        try:
            ready.wait(10)
            return write_people([Profile("ada@example.org", {"name": "Ada"}, {mailing_list: Membership(True)})], word)[
                0
            ]
        finally:
            connections.close_all()

    for _ in range(5):
        Subscription.objects.all().delete()
        Recipient.objects.all().delete()
        with ThreadPoolExecutor(PROGRAMS) as pool:
            written = list(pool.map(bring, range(PROGRAMS)))
        assert sum(each.is_new for each in written) == 1
        assert Subscription.objects.active().get().recipient == Recipient.objects.get()
