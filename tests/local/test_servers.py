"""The servers that a local run starts, and the ports they get."""

import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.local import environment, ports, valkey
from tests.local.waiting import wait_until

PASSWORD = "correct-horse"


@pytest.fixture
def valkey_port(tmp_path: Path) -> Iterator[int]:
    port = ports.any_free()
    config = valkey.write_config(tmp_path, port, PASSWORD)
    with subprocess.Popen([valkey.find_binary(), str(config)], stdout=subprocess.DEVNULL) as server:
        wait_until(lambda: valkey.answers(port, PASSWORD))
        yield port
        server.terminate()


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    with ports.listen() as listener:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "config.local.catcher", str(tmp_path), str(descriptor)]
        with subprocess.Popen(command, pass_fds=[descriptor], cwd=environment.BASE_DIR) as server:
            yield listener.getsockname()[1], tmp_path
            server.send_signal(signal.SIGTERM)
            assert server.wait(10) == 0


def test_valkey_refuses_without_the_password(valkey_port: int) -> None:
    assert valkey.answers(valkey_port, PASSWORD)
    assert not valkey.answers(valkey_port, "wrong")
    with socket.create_connection(("127.0.0.1", valkey_port)) as line:
        line.sendall(b"PING\r\n")
        assert line.recv(100).startswith(b"-NOAUTH")


def test_valkeys_configuration_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    assert valkey.write_config(tmp_path, 1, PASSWORD).stat().st_mode & 0o777 == 0o600


def test_the_catcher_stores_what_it_got_with_its_envelope(catcher: tuple[int, Path]) -> None:
    port, folder = catcher
    mail = "From: a@example.com\r\nSubject: Grüße\r\n\r\n.dot at the start\r\nZoë\r\n".encode()
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo()
        assert client.has_extn("8bitmime")
        assert client.has_extn("pipelining")
        for _ in range(3):
            client.sendmail("bounce+1@example.com", ["zoe@example.org"], mail, mail_options=["BODY=8BITMIME"])
    stored = sorted(folder.iterdir())
    envelope = b"X-Envelope-From: bounce+1@example.com\r\nX-Envelope-To: zoe@example.org\r\n"
    assert [path.read_bytes() for path in stored] == [envelope + mail] * 3
    assert {path.suffix for path in stored} == {".eml"}


def test_the_catcher_takes_pipelined_commands(catcher: tuple[int, Path]) -> None:
    port, folder = catcher
    one = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line, line.makefile("rb") as answers:
        line.sendall(b"EHLO x\r\n" + one)
        while not answers.readline().startswith(b"354"):
            pass
        line.sendall(b"Subject: 1\r\n\r\none\r\n.\r\n" + one)
        while not answers.readline().startswith(b"354"):
            pass
        line.sendall(b"Subject: 2\r\n\r\ntwo\r\n.\r\nQUIT\r\n")
        assert answers.readline().startswith(b"250")
    wait_until(lambda: len(list(folder.glob("*.eml"))) == 2)


def test_a_busy_port_moves_on_to_the_next() -> None:
    with ports.listen() as listener:
        busy = listener.getsockname()[1]
        assert ports.first_free(busy) > busy


def test_no_port_left_is_one_sentence() -> None:
    with (
        socket.create_server(("127.0.0.1", ports.LAST_PORT), reuse_port=False),
        pytest.raises(SystemExit, match="No port from 65535 to 65535 is free"),
    ):
        ports.first_free(ports.LAST_PORT)
