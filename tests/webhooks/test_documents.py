"""What docs/events.md tells other programs to do, done."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mailer.models import WebhookEndpoint
from mailer.models.webhooks import OFFERED
from mailer.webhooks.dispatch import send_test
from mailer.webhooks.patience import RETRY_DELAYS
from tests.fake_web import FakeWeb

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
Check = Callable[[Mapping[str, str], bytes, str], bool]


@pytest.fixture
def is_ours() -> Check:
    """The example, run as it stands there."""
    known: dict[str, Check] = {}
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    exec(found[1], known)  # noqa: S102 - it is what people copy
    return known["is_ours"]


def test_the_example_knows_our_events_and_no_others(web: FakeWeb, endpoint: WebhookEndpoint, is_ours: Check):
    send_test(endpoint, partial(datetime.now, UTC))
    asked = web.asked[0]
    assert is_ours(asked.headers, asked.body, endpoint.secret)
    assert not is_ours(asked.headers, asked.body + b" ", endpoint.secret)
    assert not is_ours(asked.headers, asked.body, "whsec_" + "A" * 44)
    assert not is_ours({**asked.headers, "webhook-id": "1"}, asked.body, endpoint.secret)
    endpoint.rotate_secret(datetime.now(UTC))
    send_test(endpoint, lambda: datetime.now(UTC) - timedelta(minutes=6))
    assert not is_ours(web.asked[1].headers, web.asked[1].body, endpoint.secret), "it is old"
    send_test(endpoint, partial(datetime.now, UTC))
    assert is_ours(web.asked[2].headers, web.asked[2].body, endpoint.secret)
    assert is_ours(web.asked[2].headers, web.asked[2].body, endpoint.earlier_secret)


def test_the_page_names_every_event_and_the_waits():
    for name, _ in OFFERED:
        assert f"| `{name}` |" in PAGE
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    assert set(json.loads(found[1])) == {"id", "type", "time", "data"}
    hours = [f"{int(wait.total_seconds() // 3600)} h" for wait in RETRY_DELAYS if wait >= timedelta(hours=1)]
    minutes = [f"{int(wait.total_seconds() // 60)} min" for wait in RETRY_DELAYS if wait < timedelta(hours=1)]
    waits = [*minutes, *hours]
    assert f"{', '.join(waits[:-1])} and {waits[-1]}" in " ".join(PAGE.split())
