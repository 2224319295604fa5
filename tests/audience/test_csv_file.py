"""A file's form is found by looking at its beginning; what is no CSV is refused with the way out."""

from pathlib import Path

import pytest

from mailer.audience.csv_file import look_at
from mailer.audience.layout import guess_meanings
from mailer.audience.reading import UnreadableFile

PEOPLE = "E-Mail;Name\nzoe@example.org;Zoë\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_found(file: Path, encoding: str, delimiter: str, end: str):
    file.write_bytes(PEOPLE.replace(";", delimiter).replace("\n", end).encode(encoding))
    look = look_at(file)
    assert (look.delimiter, look.has_heading) == (delimiter, True)
    assert look.rows == [["E-Mail", "Name"], ["zoe@example.org", "Zoë"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"PK\x03\x04 and more", "Excel workbook or a zip archive"),
        (b"\xd0\xcf\x11\xe0 and more", "old Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "compressed"),
        (bytes(range(1, 30)) * 50, "no text"),
        (
            "email\nzoë@example.org\n".encode("latin-1"),
            r"Byte number 9 is 0xeb, which is not UTF-8 text. Save the file",
        ),
        (b"x" * 300_000, "no line break in the first"),
        (b"a," * 10_000 + b"\n", "10,001 columns; at most 200"),
    ],
)
def test_what_is_no_csv_is_refused_with_the_reason(file: Path, content: bytes, reason: str):
    file.write_bytes(content)
    with pytest.raises(UnreadableFile, match=reason):
        look_at(file)


def test_a_file_without_heading_is_noticed(file: Path):
    file.write_text("Ada,ada@example.org\nBob,bob@example.org\n")
    look = look_at(file)
    assert not look.has_heading
    assert look.heading == ["Column 1", "Column 2"]
    assert guess_meanings(["", ""], look.sample) == ["", "email"]


def test_a_column_of_addresses_is_found_under_any_heading():
    assert guess_meanings(["wer", "wohin"], [["Ada", "ada@example.org"]]) == ["attribute:wer", "email"]


def test_a_status_that_is_none_of_ours_is_an_attribute():
    heading = ["email", "status", "email address"]
    assert guess_meanings(heading, [["a@x.org", "gold", ""]]) == [
        "email",
        "attribute:status",
        "attribute:email address",
    ]
    assert guess_meanings(heading, [["a@x.org", "active", ""]])[1] == "status"
