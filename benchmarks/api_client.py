"""Programs that post notifications, one after the other each: `python -m benchmarks.api_client '{"port": …}'`.

Only the standard library, in a process of its own: the same for whoever answers.
"""

import json
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import quantiles
from threading import Barrier, Thread
from typing import Any

CLIENTS = 8
PATH = "/api/v1/notifications"
#: Of each client: they find connections, caches and code warm.
WARM_UP = 5
_CONTEXT = {
    "heading": "Your book is ready to collect",
    "message": "“The Summer Book” is on the shelf under your name, at the desk on the ground floor.\n\n"
    "We keep it for you until Monday 30 November.",
    "button_text": "See your reservations",
    "button_url": "https://library.example.org/reservations/48213",
}


class Client:
    """One program with one connection, which it keeps."""

    def __init__(self, work: dict[str, Any], number: int) -> None:
        """The work says port, token, the first address's number and how many requests all make."""
        self._connection = HTTPConnection("127.0.0.1", work["port"], timeout=60)
        self._headers = {"Host": "post.example.org", "Content-Type": "application/json"}
        self._headers |= {"Authorization": f"Bearer {work['token']}"}
        self._people = iter(range(work["first"] + number, sys.maxsize, CLIENTS))
        self._requests = work["requests"] // CLIENTS
        self.began, self.ended, self.ids = 0.0, 0.0, set[int]()
        self.took: list[float] = []

    def run(self, together: Barrier) -> None:
        """Warm up, wait for the others, and post."""
        try:
            for _ in range(WARM_UP):
                self._post()
            together.wait()
            self.took, self.began = [], time.perf_counter()
            for _ in range(self._requests):
                self._post()
            self.ended = time.perf_counter()
        except BaseException:
            together.abort()
            raise
        finally:
            self._connection.close()

    def _post(self) -> None:
        body = {"template": "notification", "to": f"reader{next(self._people)}@example.org", "context": _CONTEXT}
        began = time.perf_counter()
        self._connection.request("POST", PATH, json.dumps(body).encode(), self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        self.took.append(time.perf_counter() - began)
        if answer.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{answer.status}: {said[:500]!r}")
        self.ids.add(json.loads(said)["id"])


def post_all(work: dict[str, Any]) -> dict[str, float]:
    """Accepted a second, the time that 95 of 100 requests kept to (ms), and how many were accepted in all."""
    clients, together = [Client(work, number) for number in range(CLIENTS)], Barrier(CLIENTS)
    threads = [Thread(target=client.run, args=(together,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = [seconds for client in clients for seconds in client.took]
    if not all(client.ended for client in clients):
        raise RuntimeError("a client gave up")
    elapsed = max(client.ended for client in clients) - min(client.began for client in clients)
    accepted = len(set[int]().union(*(client.ids for client in clients)))
    return {"per_s": len(took) / elapsed, "p95_ms": quantiles(took, n=20)[18] * 1000, "accepted": accepted}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(post_all(json.loads(sys.argv[1]))))
