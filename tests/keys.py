"""Makes DKIM keys in files, and what is published of them."""

import re
from functools import cache
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mailer.sending.dkim import SigningKey

_MAKE = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@cache
def pem(kind: str) -> bytes:
    """The same key each time: making one is slow."""
    form = serialization.PrivateFormat.PKCS8
    return _MAKE[kind]().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def key_file(folder: Path, kind: str) -> str:
    path = folder / f"{kind}.pem"
    path.write_bytes(pem(kind))
    return str(path)


def verdicts(message: bytes, keys: tuple[SigningKey, ...]) -> list[bool]:
    """What dkimpy says of each signature."""
    records = {f"{key.name}.".encode(): f"v=DKIM1; k={key.algorithm}; p={key.public}".encode() for key in keys}
    checker = dkim.DKIM(message)
    found = []
    for number in range(len(re.findall(rb"(?mi)^dkim-signature:", message))):
        try:
            found.append(checker.verify(number, dnsfunc=lambda name, timeout=5: records.get(name, b"")))
        except dkim.DKIMException:
            found.append(False)
    return found
