"""A Postfix of its own: own configuration, own queue, high ports on loopback, and gone at the end."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_MAIN = """\
compatibility_level = 3.6
myhostname = relay.example.org
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
disable_dns_lookups = yes
smtp_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{policy}, permit_mynetworks, reject
transport_maps = regexp:{folder}/etc/transport
notify_classes =
smtpd_error_sleep_time = 0
queue_run_delay = 3s
minimal_backoff_time = 3s
maximal_backoff_time = 6s
mail_owner = postfix
setgid_group = postdrop
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
returns unix - n n - 2 pipe flags=q user=nobody argv={pipe} ${{recipient}}
"""
#: Of sixteen bounces one goes by the pipe, where there is one: the last digit of its signature says which.
_TRANSPORT = """\
{by_pipe}/@bounce\\.example\\.org$/ lmtp:inet:[127.0.0.1]:{lmtp}
/./ smtp:[127.0.0.1]:{world}
"""
_BY_PIPE = "/\\.[0-9a-f]{23}0@bounce\\.example\\.org$/ returns:\n"


@dataclass(frozen=True)
class Ports:
    """Where all listen, on 127.0.0.1."""

    relay: int
    lmtp: int
    world: int
    policy: int


class Postfix:
    """Runs within the `with`."""

    def __init__(self, folder: Path, ports: Ports, pipe: Path | None) -> None:
        """`folder` is empty and may be entered by all; `pipe` a program that takes a bounce, if there is one."""
        self._folder, self._config = folder, folder / "etc"
        self._config.mkdir()
        for name in ("queue", "data"):
            (folder / name).mkdir()
        values = {"folder": folder, "port": ports.relay, "lmtp": ports.lmtp, "world": ports.world}
        values |= {"policy": ports.policy, "pipe": pipe or "/bin/false", "by_pipe": _BY_PIPE if pipe else ""}
        for name, text in (("main.cf", _MAIN), ("master.cf", _MASTER), ("transport", _TRANSPORT)):
            (self._config / name).write_text(text.format(**values))

    def __enter__(self) -> Self:
        """Start it. Raises CalledProcessError."""
        subprocess.run(["chown", "postfix", self._folder / "data"], check=True)
        self._command("start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._command("stop")
        time.sleep(0.5)

    def queue_length(self) -> int:
        """How many mails wait."""
        said = subprocess.run(
            ["postqueue", "-c", self._config, "-j"], check=True, capture_output=True, text=True
        ).stdout
        return len(said.splitlines())

    def last_lines(self, count: int = 40) -> str:
        """Of its log."""
        log = self._folder / "maillog"
        return "\n".join(log.read_text().splitlines()[-count:]) if log.exists() else "(no log)"

    def _command(self, verb: str) -> None:
        subprocess.run(["postfix", "-c", self._config, verb], check=True, capture_output=True)
