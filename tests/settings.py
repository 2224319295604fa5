"""Settings of a test run. The servers are started here, because Django wants their addresses before anything else."""

import atexit
import os
import shutil
import sys
import tempfile

from tests.servers import start_servers

if "pytest" in sys.modules:
    start_servers()
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


def _redis_url() -> str:
    """Each of xdist's workers has a Redis database of its own, or they would take each other's messages."""
    base, _, _ = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:1/0").rpartition("/")
    return f"{base}/{int(_WORKER.removeprefix('gw') or 0) + 1 if _WORKER != 'main' else 0}"


_VAR = tempfile.mkdtemp(prefix=f"afternoon-post-var-{_WORKER}-")
atexit.register(shutil.rmtree, _VAR, ignore_errors=True)
os.environ |= {
    "SECRET_KEY": "a key for tests, long enough to please the checks and of no other use",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "HTTPS": "false",
    "SITE_URL": "https://post.example.org",
    "DEFAULT_FROM_EMAIL": "post@example.org",
    "VAR_DIR": _VAR,
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{_VAR}/db.sqlite3",
    "REDIS_URL": _redis_url(),
    "LOCAL_INBOX": f"{_VAR}/inbox",
    "LOG_LEVEL": "WARNING",
}

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": f"{_VAR}/test.sqlite3"}  # a file: threads and workers share it
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # there are no collected files
EMAIL_TIMEOUT = 2
