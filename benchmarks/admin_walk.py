"""The walk itself, in a process of its own: `python -m benchmarks.admin_walk PEOPLE REQUESTS PAGE…`."""

import sys
from importlib import import_module

import django
from django.test.utils import override_settings

#: Files need not be collected for it, and the client has a host name of its own.
OVERRIDES = {
    "ALLOWED_HOSTS": ["testserver"],
    "STORAGES": {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    },
}

if __name__ == "__main__":
    django.setup()  # before anything that has models can be imported
    with override_settings(**OVERRIDES):
        import_module("benchmarks.admin_timing").measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
