"""The mail providers whose events are read, what each has to be set up with."""

from django.conf import settings

#: By the name in PROVIDER: the settings without which nobody could tell its events from forged ones, or their mail.
NEEDS = {
    "amazon_ses": ("PROVIDER_SECRET", "BOUNCE_ADDRESS"),
    "mailgun": ("PROVIDER_SIGNING_KEY",),
    "postmark": ("PROVIDER_SECRET",),
    "sendgrid": ("PROVIDER_SIGNING_KEY",),
}
#: Characters of a user and password that nobody guesses.
_LEAST = 16


def provider_fault() -> str:
    """Why the events of the provider in PROVIDER can't be taken, in one sentence; empty if they can."""
    name = settings.PROVIDER
    if name and name not in NEEDS:
        return f"PROVIDER is {name!r}; known are {', '.join(NEEDS)}"
    missing = [setting for setting in NEEDS.get(name, ()) if not getattr(settings, setting)]
    if missing:
        return f"PROVIDER is {name}, and without {' and '.join(missing)} anybody could send events in its name"
    secret = settings.PROVIDER_SECRET
    if secret and (":" not in secret or len(secret) < _LEAST):
        return f"PROVIDER_SECRET is not of the form user:password with {_LEAST} characters or more"
    return ""
