"""A mail's header fields as RFC 5322 and RFC 2047 want them, fast enough to be made for each recipient."""

import re
from base64 import b64encode
from collections.abc import Iterator

#: What no header value may hold: controls, and the line ends of Unicode (Python's own checks miss some of them).
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
#: A display name that needs no quotes (RFC 5322 section 3.2.3).
_PHRASE = re.compile(
    r"(?!.*=\?)[\w!#$%&'*+/=?^`{|}~-](?:[\w!#$%&'*+/=?^`{|}~ -]{0,58}[\w!#$%&'*+/=?^`{|}~-])?", re.ASCII
)
#: Bytes in an encoded word: with its frame and the longest name of a header it fits a line of 76.
_WORD_BYTES = 36


def unstructured(name: str, value: str) -> str:
    """A field such as Subject, folded; encoded where it is not plain ASCII or its words are too long to be folded."""
    plain = clean(value)
    if plain.isascii() and "=?" not in plain:
        if len(name) + 2 + len(plain) <= 76:
            return f"{name}: {plain}\r\n"
        if max(map(len, plain.split()), default=0) < 60:
            return f"{name}: {_folded(plain, 76 - len(name) - 2)}\r\n"
    return f"{name}: {_encoded(plain)}\r\n"


def mailbox(name: str, display_name: str, address: str) -> str:
    """A field such as To with one address; its name is quoted or encoded as needed, the address never.

    RFC 2047 section 5 forbids that.
    """
    if _PHRASE.fullmatch(display_name) and len(display_name) + len(address) < 66:  # as most names are
        return f"{name}: {display_name} <{address}>\r\n"
    plain = clean(display_name)[:200]
    if not plain:
        return f"{name}: {address}\r\n"
    if plain.isascii() and len(plain) <= 60:
        if not _PHRASE.fullmatch(plain):
            plain = '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        plain = _encoded(plain)
    separator = " " if len(plain) + len(address) < 66 and "\r" not in plain else "\r\n "
    return f"{name}: {plain}{separator}<{address}>\r\n"


def clean(value: str) -> str:
    """A header value on one line: what could break out of it becomes a space."""
    return _CONTROL.sub(" ", value).strip()


def _encoded(text: str) -> str:
    words = (f"=?utf-8?B?{b64encode(chunk).decode()}?=" for chunk in _chunks(text))
    return "\r\n ".join(words)


def _chunks(text: str) -> Iterator[bytes]:
    """The text's bytes in pieces that split no character."""
    piece = b""
    for character in text:
        encoded = character.encode()
        if len(piece) + len(encoded) > _WORD_BYTES:
            yield piece
            piece = b""
        piece += encoded
    yield piece


def _folded(plain: str, room: int) -> str:
    lines, line = [], ""
    for word in plain.split(" "):
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, 75
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])
