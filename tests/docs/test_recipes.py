"""What recipes in docs/how-to.md promise, and no other test says."""

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client, override_settings

OTHER = "another key, as long as one should be, and then some more of it"


@pytest.mark.django_db
@pytest.mark.once
def test_staff_stay_logged_in_when_the_secret_key_is_changed_as_the_recipe_says(client: Client):
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.org", "long enough, that"))
    with override_settings(SECRET_KEY=OTHER, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
@pytest.mark.once
def test_staff_are_logged_out_when_the_earlier_key_is_left_out(client: Client):
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.org", "long enough, that"))
    with override_settings(SECRET_KEY=OTHER):
        assert client.get("/admin/").status_code == 302
