"""Reads a feed in a process of its own: the parser needs minutes for some inputs, and none may hold a worker up."""

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from django.conf import settings

from mailer.outside.feed_reader import Entry, NoFeed, ReadFeed, read_feed

#: What reading one feed may take; a feed of 5 MB takes three seconds and 200 MB.
_SECONDS, _BYTES = 10, 1_500_000_000


def read_feed_apart(body: bytes, headers: Mapping[str, str], url: str, now: datetime) -> ReadFeed:
    """As `read_feed`, and no longer than some seconds. Raises NoFeed."""
    about = json.dumps({"headers": dict(headers), "url": url, "now": now.isoformat()}).encode()
    command = [sys.executable, "-m", "mailer.outside.feed_child"]
    try:
        done = subprocess.run(
            command,
            input=about + b"\n" + body,
            capture_output=True,
            timeout=2 * _SECONDS,
            cwd=settings.BASE_DIR,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise NoFeed("It could not be read within ten seconds, or not at all.") from error
    said = json.loads(done.stdout)
    if "fault" in said:
        raise NoFeed(said["fault"])
    return ReadFeed(said["title"], [_entry(each) for each in said["entries"]])


def main() -> None:
    """The child: from standard input, a line that says what it is, and the feed; to standard output, JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    about = json.loads(sys.stdin.buffer.readline())
    try:
        read = read_feed(sys.stdin.buffer.read(), about["headers"], about["url"], datetime.fromisoformat(about["now"]))
    except NoFeed as fault:
        sys.stdout.write(json.dumps({"fault": str(fault)}))
        return
    sys.stdout.write(
        json.dumps({"title": read.title, "entries": [asdict(entry) for entry in read.entries]}, default=str)
    )


def _entry(told: dict[str, str]) -> Entry:
    at = told.pop("published_at")
    return Entry(**told, published_at=datetime.fromisoformat(at) if at else None)


if __name__ == "__main__":
    main()
