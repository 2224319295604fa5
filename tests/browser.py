"""The Chromium that is installed, for what looks at pages and mails."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESK = {"width": 375, "height": 812}, {"width": 1280, "height": 900}


def find_chromium() -> str:
    """Its path; empty where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), "")


@contextmanager
def started_chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()
