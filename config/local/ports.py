"""Free ports on the loopback interface."""

import errno
import socket

LAST_PORT = 65535


def listen() -> socket.socket:
    """A socket that already listens on a free port; a child that inherits it needs no second look at the port."""
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def any_free() -> int:
    """A port that nobody uses now."""
    with listen() as probe:
        return int(probe.getsockname()[1])


def first_free(wanted: int) -> int:
    """The wanted port, or else the next one that can be had."""
    for port in range(wanted, LAST_PORT + 1):
        if _can_be_had(port):
            return port
    raise SystemExit(f"No port from {wanted} to {LAST_PORT} is free.")


def _can_be_had(port: int) -> bool:
    # Both, because browsers try ::1 first for "localhost" and would find somebody else's page there.
    return _can_bind(socket.AF_INET, "127.0.0.1", port) and _can_bind(socket.AF_INET6, "::1", port)


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As gunicorn does it: without, a port stays busy for a minute after the last run.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        # No IPv6 on this machine is no reason to refuse a port.
        return error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True
