"""`make test-postfix`: a thousand mails through a real Postfix, and every bounce on the right delivery."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def prepare() -> str:
    """See to it that there is a Postfix. Returns why there can't be one, or nothing."""
    if os.getuid() != 0:
        return "a Postfix of its own needs root"
    if not shutil.which("postfix", path="/usr/sbin:/usr/bin") and shutil.which("apt-get"):
        print("installing Postfix with apt-get …", flush=True)
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "postfix"]):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", *command], env=quiet, capture_output=True, check=False)
    return (
        "" if shutil.which("postfix", path="/usr/sbin:/usr/bin") else "there is no Postfix, and it can't be installed"
    )


def environment_for(folder: Path, relay: int) -> dict[str, str]:
    """Of the sender, the listener and the pipe."""
    return {
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "a key for the run with Postfix, long enough to please the checks",
        "ALLOWED_HOSTS": "localhost",
        "HTTPS": "false",
        "VAR_DIR": str(folder / "var"),
        "DATABASE_URL": f"sqlite:///{folder}/var/db.sqlite3",
        "EMAIL_URL": f"smtp://127.0.0.1:{relay}",
        "DEFAULT_FROM_EMAIL": "post@example.org",
        "BOUNCE_ADDRESS": "bounces@bounce.example.org",
        "DKIM_KEYS": ",".join(f"{name}={file}" for name, file in make_keys(folder)),
        "BOUNCE_PAUSE_PERCENT": "100",  # a fifth is meant to come back
        "LOG_LEVEL": "WARNING",
    }


def make_keys(folder: Path) -> list[tuple[str, str]]:
    """A key of each kind, in a file that nobody's pipe, whose settings name it, may read too."""
    kinds = {"rsa": "RSA", "ed25519": "ED25519"}
    found = []
    for kind, algorithm in kinds.items():
        file = folder / f"{kind}.pem"
        options = ["-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else []
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", algorithm, *options, "-out", file], check=True, capture_output=True
        )
        file.chmod(0o644)
        found.append((f"{kind}._domainkey.example.org", str(file)))
    return found


def make_pipe(folder: Path, environment: dict[str, str]) -> Path | None:
    """A program for Postfix's pipe, if nobody, as whom it runs, may run our Python or the system's of the same version."""
    program = folder / "pipe"
    lines = [f"export {name}='{value}'" for name, value in environment.items()]
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for python, packages in ((sys.executable, ""), (system, sysconfig.get_path("purelib"))):
        lines.append(f"export PYTHONPATH='{packages}'")
        command = f"cd '{ROOT}' && '{python}' manage.py receive_mail \"$@\" || exit 75"
        program.write_text("\n".join(["#!/bin/sh", *lines, command, ""]))
        program.chmod(0o755)
        tried = subprocess.run(
            [program, "--help"], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, check=False
        )
        if tried.returncode == 0:
            return program
    print("the pipe is left out, because nobody may not run Python here: all reports come by LMTP")
    return None


def main() -> int:
    """Run it in a folder of its own. Returns the exit code."""
    if reason := prepare():
        print(f"skipped: {reason}")
        return 0
    began = time.monotonic()
    os.umask(0)  # the pipe runs as nobody and shares the database
    folder = Path(tempfile.mkdtemp(prefix="afternoon-post-postfix-"))
    folder.chmod(0o755)
    (folder / "var").mkdir()
    relay = free_port()
    environment = environment_for(folder, relay)
    os.environ.update(environment)
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
    (folder / "var" / "db.sqlite3").chmod(0o666)
    program = [
        sys.executable,
        "-m",
        "tests.postfix.run",
        str(folder),
        str(relay),
        str(make_pipe(folder, environment) or ""),
    ]
    code = subprocess.run(program, cwd=ROOT, check=False).returncode
    if code == 0:
        shutil.rmtree(folder)
    else:
        print(f"what is left of it is in {folder}")
    print(f"{time.monotonic() - began:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
