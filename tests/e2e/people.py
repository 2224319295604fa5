"""Five thousand people in a CSV file as a real one is: many scripts and zones, lines that come twice, lines nobody can use."""

import csv
from pathlib import Path

_NAMES = (
    "Ada Lovelace",
    "Zoë Ångström",
    "李 小龍",
    "Наталья Иванова",
    "نور الهدى",
    'Ann "Annie" Smith, Jr.',
    "छवि रसाइली",
)
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "")
_BAD = (
    ("no-at-sign.example", "No At"),
    ("two@@example.org", "Two At"),
    ("inj@example.com\r\nBcc: evil@example.com", "Header"),
    ("space in@example.com", "Space"),
    ("", "Nobody"),
)
GOOD, TWICE, BAD = 4_960, 30, len(_BAD)


def write_people(path: Path) -> Path:
    """GOOD people, TWICE of them once more in other letters, and BAD lines among them."""
    lines = [(f"reader{number}@{_domain(number)}", _NAMES[number % 7], _ZONES[number % 4]) for number in range(GOOD)]
    lines += [(f" READER{number}@{_domain(number).upper()} ", "Once more", "") for number in range(TWICE)]
    lines[1000:1000] = [(address, name, "") for address, name in _BAD]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(("E-Mail", "Full name", "Time zone", "plan"))
        rows.writerows((*line, ("free", "pro")[number % 2]) for number, line in enumerate(lines))
    return path


def _domain(number: int) -> str:
    return ("example.org", "example.com", "müller.example")[number % 3]
