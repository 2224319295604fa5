"""The client for Python, at the running API."""

import pytest
from pytest_django.live_server_helper import LiveServer

from afternoon_post import AfternoonPost
from tests.api.conftest import make_key


@pytest.fixture
def post(live_server: LiveServer) -> AfternoonPost:
    """A client with a key that may do everything."""
    return AfternoonPost(live_server.url, make_key())
