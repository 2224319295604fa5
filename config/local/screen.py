"""What a local run says to whoever started it."""

import sys


def say(*lines: str) -> None:
    """Print lines at once, also when the output goes to a file or a pipe."""
    print(*lines, sep="\n", flush=True)


def complain(*lines: str) -> None:
    """The same for what went wrong."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)
