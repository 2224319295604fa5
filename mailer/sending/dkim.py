"""DKIM signatures (RFC 6376), by rsa-sha256 and ed25519-sha256 (RFC 8301, RFC 8463), relaxed/relaxed.

dkimpy reckons in Python, which takes nine times as long as this; the suite has it verify what is signed here.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: Signed where they are present, and so is every field of RFC 2369 and RFC 2919.
_SIGNED = frozenset(
    b"from to cc subject date message-id reply-to mime-version content-type content-transfer-encoding".split()
)
#: Listed once more than they are present, so that nobody can add another (RFC 6376 section 5.4.2 and 8.15).
_OVER_SIGNED = b"from to cc subject reply-to date list-unsubscribe list-unsubscribe-post".split()
_FIELD_ENDS = re.compile(rb"\r\n(?![ \t])")
_SPACE = re.compile(rb"[ \t\r\n]+")
#: RFC 8301 section 3.2.
_LEAST_BITS = 2048


@dataclass(frozen=True)
class SigningKey:
    """A private key, and where its public half is published."""

    selector: str
    domain: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def name(self) -> str:
        """The name of the TXT record."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def algorithm(self) -> str:
        """As in `k=` of the record."""
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    @property
    def public(self) -> str:
        """As in `p=` of the record (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
        encoding, form = serialization.Encoding, serialization.PublicFormat
        how = (encoding.DER, form.SubjectPublicKeyInfo) if self.algorithm == "rsa" else (encoding.Raw, form.Raw)
        return b64encode(self.private.public_key().public_bytes(*how)).decode()

    @property
    def record(self) -> str:
        """The text of the TXT record."""
        return f"v=DKIM1; k={self.algorithm}; p={self.public}"

    def sign(self, data: bytes) -> bytes:
        """The signature of the data's SHA-256."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, PKCS1v15(), hashes.SHA256())
        return self.private.sign(sha256(data).digest())


def load_key(name: str, path: str) -> SigningKey:
    """The key in a PEM file, by the name of its record. Raises OSError, and ValueError for one that can't sign."""
    selector, _, domain = name.partition("._domainkey.")
    try:
        private = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path} holds no private key in PEM without a password") from error
    if isinstance(private, RSAPrivateKey) and private.key_size < _LEAST_BITS:
        raise ValueError(f"{path} holds an RSA key of {private.key_size} bits; {_LEAST_BITS} are needed (RFC 8301)")
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError(f"{path} holds a key that is neither RSA nor Ed25519")
    return SigningKey(selector, domain, private)


def sign(keys: tuple[SigningKey, ...], data: bytes, now: datetime) -> bytes:
    """The mail, which is as it goes after DATA with doubled dots, with a signature of each key before it."""
    head, _, body = data.partition(b"\r\n\r\n")
    body_hash = b64encode(sha256(_relaxed_body(body)).digest())
    fields = [_relaxed(field) for field in _FIELD_ENDS.split(head)]
    fields = [(name, line) for name, line in fields if name in _SIGNED or name.startswith(b"list-")]
    fields.reverse()  # of several fields with one name the last counts first (RFC 6376 section 5.4.2)
    names = [name for name, _ in fields] + _OVER_SIGNED
    listed = b":\r\n ".join(b":".join(names[at : at + 5]) for at in range(0, len(names), 5))
    signed = b"".join(line + b"\r\n" for _, line in fields)
    shared = b" t=%d; bh=%s;\r\n h=%s;\r\n b=" % (int(now.timestamp()), body_hash, listed)
    return b"".join(_signature(key, shared, signed) for key in keys) + data


def _signature(key: SigningKey, shared: bytes, signed: bytes) -> bytes:
    """The DKIM-Signature field; what is signed ends with the field itself without its signature."""
    tags = f"v=1; a={key.algorithm}-sha256; c=relaxed/relaxed;\r\n d={key.domain}; s={key.selector};\r\n"
    field = b"DKIM-Signature: " + tags.encode("ascii") + shared
    signature = b64encode(key.sign(signed + _relaxed(field)[1]))
    return field + b"\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72)) + b"\r\n"


def _relaxed(field: bytes) -> tuple[bytes, bytes]:
    """The field's name in lower case, and the field unfolded (RFC 6376 section 3.4.2)."""
    name, _, value = field.partition(b":")
    name = name.strip().lower()
    return name, name + b":" + _SPACE.sub(b" ", value).strip()


def _relaxed_body(sent: bytes) -> bytes:
    """The body as the receiver has it, without its dot, and with runs of space as one (RFC 6376 section 3.4.4)."""
    body = sent.removesuffix(b".\r\n")
    body = body.removeprefix(b".") if body.startswith(b"..") else body
    body = body.replace(b"\r\n..", b"\r\n.").replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    body = body.replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    return body + b"\r\n" if body else b""
