"""`make docs`: writes docs/reference.md anew. The database is an empty one that is thrown away."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.db import connection  # noqa: E402 - wants the settings first
from django.test.utils import setup_databases, teardown_databases  # noqa: E402 - wants the settings first

from tests.docs.reference import PAGE, reference  # noqa: E402

connection.settings_dict["TEST"]["MIGRATE"] = False  # tables as the models have them: the migrations take longer
made = setup_databases(verbosity=0, interactive=False)
PAGE.write_text(reference(), encoding="utf-8")
teardown_databases(made, verbosity=0)
sys.stdout.write(f"docs/reference.md: {len(PAGE.read_text(encoding='utf-8').splitlines())} lines\n")
