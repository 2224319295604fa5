"""What the tests of the recipients' pages share."""

from pathlib import Path

import pytest
from django.conf import settings

from mailer.models import EmailTemplate
from mailer.templating.sync import sync_folder


@pytest.fixture
def confirm_template(db: None) -> EmailTemplate:
    """The shipped mail that asks whether it was them."""
    sync_folder(Path(settings.BASE_DIR) / "templates" / "emails" / "confirm")
    return EmailTemplate.objects.get(slug="confirm")
