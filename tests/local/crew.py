"""A supervisor with three real processes, for tests that kill it: `python -m tests.local.crew FOLDER [EXIT_CODE]`.

One process has a child of its own and takes its time to stop, one is a service, one ends early if a code is given.
"""

import os
import sys
from pathlib import Path

from honcho.printer import Printer

from config.local.supervise import Crew

WITH_A_CHILD = (
    'sleep 300 & echo $! > "$0/grandchild"; echo $$ > "$0/worker"; trap "sleep 0.3; kill $!; exit" TERM; wait'
)
SERVICE = 'echo $$ > "$0/service"; exec sleep 300'
ENDS_EARLY = 'echo "no such database" >&2; exit "$1"'


def main(folder: str, code: str = "") -> int:
    """Run until asked to stop."""
    crew = Crew(Printer(sys.stdout), dict(os.environ), Path(folder))
    try:
        crew.start("service", ["sh", "-c", SERVICE, folder], is_service=True)
        crew.start("worker", ["sh", "-c", WITH_A_CHILD, folder])
        if code:
            crew.start("web", ["sh", "-c", ENDS_EARLY, folder, code])
        crew.wait_until(lambda: False)
    except KeyboardInterrupt:
        return 0
    finally:
        crew.stop()
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
