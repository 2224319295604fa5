"""Colours of mails: what a list may choose for its accent, and what is made of it for the dark."""

import colorsys
import re

from django.core.exceptions import ValidationError

#: The grounds of the shipped mails, by day and in the dark; the layout has them too, and a test holds the two together.
PAPER, NIGHT = "#faf8f3", "#1b1a18"
ACCENT = "#14566b"
#: WCAG 2.2, criterion 1.4.3, for text that is not large.
READABLE = 4.5
#: Easier on the eyes at night than the least that is allowed.
_WELL_READABLE = 7.0
_HEX = re.compile(r"#[0-9a-f]{6}")


def contrast(one: str, other: str) -> float:
    """Of two colours such as `#14566b`, from 1 (the same) to 21 (black on white), as WCAG has it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def validate_accent(colour: str) -> None:
    """Raise ValidationError unless links of this colour, and paper-coloured words on it, can be read."""
    if not _HEX.fullmatch(colour):
        raise ValidationError(f"{colour!r} is not a colour; write it as in '{ACCENT}', in small letters.")
    found = contrast(colour, PAPER)
    if found < READABLE:
        raise ValidationError(
            f"{colour} is too light: on the mail's paper it has a contrast of {found:.1f}:1, and {READABLE}:1 is "
            "needed for links and buttons to be read. Choose a darker one."
        )


def in_the_dark(colour: str) -> str:
    """The same hue, as light as it takes to be read well at night, and a little less loud."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in _channels(colour)))
    for percent in range(round(lightness * 100), 100):
        lighter = _hex(colorsys.hls_to_rgb(hue, percent / 100, saturation * 0.75))
        if contrast(lighter, NIGHT) >= _WELL_READABLE:
            return lighter
    return PAPER


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> list[int]:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits.ljust(6, "0")
    return [int(digits[place : place + 2], 16) for place in (0, 2, 4)]


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(value * 255):02x}" for value in channels)
