"""Fixtures of the admin's tests."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

import config.urls  # noqa: F401 - which registers the pages that tests are made for
from tests.admin.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """A list, its people, a digest that went out, and what Celery reported."""
    return make_world()


@pytest.fixture
def powerless(db: None) -> Client:
    """Somebody who may log in to the admin and nothing else."""
    client = Client()
    client.force_login(User.objects.create_user("powerless", password="x", is_staff=True))
    return client
