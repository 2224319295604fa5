"""django-post_office enqueues and sends; runs in benchmarks/.venv: `python -m benchmarks.peer_script WORK.json`.

Its best settings, as far as we found them: rendered with templates that are parsed once, `send_many`, two processes,
batches of 2,000, failures logged only. Rendering on delivery is slower: it parses the templates for every mail.
"""

import json
import logging
import multiprocessing
import sys
import time
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.template import Context, Engine

PROCESSES = 2
SENDER = "The Afternoon <post@example.org>"


def configure(work: dict[str, Any]) -> None:
    """A project with nothing in it but django-post_office and the endpoint before it, its database named by `name`."""
    url = urlsplit(work["database"])
    if url.scheme == "sqlite":
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        database = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{work['folder']}/{work['name']}.sqlite3",
            "OPTIONS": options,
        }
    else:
        database = {"ENGINE": "django.db.backends.postgresql", "HOST": url.hostname, "PORT": url.port}
        database |= {"USER": url.username, "NAME": work["name"]}
    database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}  # as ours
    settings.configure(
        SECRET_KEY="a key of no use",  # noqa: S106
        USE_TZ=True,
        ALLOWED_HOSTS=["post.example.org"],
        ROOT_URLCONF="benchmarks.peer_api",
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office", "benchmarks"],
        DATABASES={"default": database},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=work["port"],
        POST_OFFICE={
            "BATCH_SIZE": 2000,
            "THREADS_PER_PROCESS": 5,
            "LOG_LEVEL": 1,
        },
    )
    django.setup()
    logging.disable(logging.WARNING)


def contexts(work: dict[str, Any]) -> list[dict[str, Any]]:
    """What each mail's templates see, with its times as times."""
    shared = work["shared"]
    shared["date"] = datetime.fromisoformat(shared["date"]).date()
    for item in [*shared["items"], *(item for group in shared["groups"] for item in group["items"])]:
        item["published_at"] = datetime.fromisoformat(item["published_at"])
    return [shared | person for person in work["people"]]


def enqueue(work: dict[str, Any], people: list[dict[str, Any]]) -> None:
    """Render and queue them all, in as many processes as send them."""
    connection.close()
    halves = [(work, people[number::PROCESSES]) for number in range(PROCESSES)]
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        pool.starmap(_enqueue, halves)


def _enqueue(work: dict[str, Any], people: list[dict[str, Any]]) -> None:
    mail = import_module("post_office.mail")
    engine = Engine(autoescape=True)
    html, text, subject = (engine.from_string(work[part]) for part in ("html", "text", "subject"))
    mails = []
    for person in people:
        context = Context(person)
        mails.append(
            {
                "recipients": [person["recipient"]["email"]],
                "sender": SENDER,
                "subject": " ".join(subject.render(context).split()),
                "message": text.render(context),
                "html_message": html.render(context),
                "headers": {"List-Unsubscribe": f"<{person['links']['unsubscribe']}>"},
            }
        )
    mail.send_many(mails)


def run(work: dict[str, Any]) -> dict[str, float]:
    """Mails a second."""
    people = contexts(work)
    started = time.perf_counter()
    enqueue(work, people)
    enqueued = time.perf_counter()
    import_module("post_office.mail").send_queued_mail_until_done(f"{work['folder']}/peer.lock", processes=PROCESSES)
    ended = time.perf_counter()
    email = import_module("post_office.models").Email
    unsent = email.objects.exclude(status=0).count()
    if unsent:
        raise RuntimeError(f"{unsent} mails were not sent")
    email.objects.all().delete()
    return {"post_office": len(people) / (ended - started), "post_office_sending": len(people) / (ended - enqueued)}


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    configure(asked)
    call_command("migrate", verbosity=0)
    print(json.dumps(run(asked)))
