"""`make gallery`: a picture of each shipped mail on a phone, on a desk, in the dark and with pictures off."""

import re
import sys
from pathlib import Path

from django.conf import settings
from playwright.sync_api import Browser, ViewportSize

from mailer.templating.compose import Rendered
from tests.browser import DESK, PHONE, find_chromium, started_chromium
from tests.mails.samples import SLUGS, right_to_left, sample_mail

_DOCS = settings.BASE_DIR / "docs"
_FOLDER = _DOCS / "images" / "gallery"
#: What a README has room for.
_FRONT = ViewportSize(width=680, height=760)
_VIEWS = {"phone": (PHONE, "light"), "dark": (PHONE, "dark"), "no-pictures": (PHONE, "light"), "desk": (DESK, "light")}
_TITLES = {"phone": "Phone", "dark": "Phone, dark", "no-pictures": "Phone, pictures off", "desk": "Desk"}
_INTRODUCTION = """# Gallery

The shipped mails as Chromium shows them, at 375 and 1280 pixels. `make gallery` makes these pictures and this page from
the samples in `templates/emails/`; `make lint-mails` says what axe, caniemail's data and SpamAssassin think of them.
"""


def main() -> int:
    """Make all pictures and the page."""
    if not find_chromium():
        sys.stdout.write("Skipped: there is no Chromium (Debian: apt install chromium).\n")
        return 1
    _FOLDER.mkdir(parents=True, exist_ok=True)
    mails = {slug: sample_mail(slug) for slug in SLUGS} | {"right-to-left": right_to_left()}
    with started_chromium() as browser:
        for name, mail in mails.items():
            for view in _VIEWS:
                _picture(browser, mail, view, _FOLDER / f"{name}-{view}.png")
        _front(browser, mails["digest"], _DOCS / "images" / "digest.png")
    page = _INTRODUCTION + "".join(_section(name, mail) for name, mail in mails.items())
    (_DOCS / "gallery.md").write_text(page, encoding="utf-8")
    size = sum(path.stat().st_size for path in _FOLDER.iterdir())
    sys.stdout.write(f"docs/gallery.md: {len(mails) * len(_VIEWS)} pictures, {size / 1000:,.0f} KB\n")
    return 0


def _picture(browser: Browser, mail: Rendered, view: str, path: Path) -> None:
    viewport, scheme = _VIEWS[view]
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    page.set_content(_without_pictures(mail.html) if view == "no-pictures" else mail.html)
    page.screenshot(path=path, full_page=True)
    page.close()


def _front(browser: Browser, mail: Rendered, path: Path) -> None:
    page = browser.new_page(viewport=_FRONT, color_scheme="light")
    page.set_content(mail.html)
    page.screenshot(path=path)
    page.close()


def _without_pictures(html: str) -> str:
    return re.sub(r'src="[^"]*"', 'src="about:blank"', html)


def _section(name: str, mail: Rendered) -> str:
    """A mail's pictures in a table, the one for a desk below."""
    small = [view for view in _VIEWS if view != "desk"]
    path = f"images/gallery/{name}"
    pictures = "".join(f'| <img src="{path}-{view}.png" width="250" alt="{_TITLES[view]}"> ' for view in small)
    return f"""
## {name.replace("-", " ").capitalize()}

Subject: {mail.subject}

| {" | ".join(_TITLES[view] for view in small)} |
|{"---|" * len(small)}
{pictures}|

<img src="{path}-desk.png" width="780" alt="{_TITLES["desk"]}">
"""


if __name__ == "__main__":
    sys.exit(main())
