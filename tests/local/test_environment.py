"""The settings of a local run."""

from pathlib import Path

from dotenv import dotenv_values

from config.local import environment


def test_the_secrets_survive_between_runs(tmp_path: Path) -> None:
    first = environment.keep_secrets({}, tmp_path)
    environment.write(first, tmp_path)
    assert environment.keep_secrets({}, tmp_path) == first
    assert environment.keep_secrets({"SECRET_KEY": "mine"}, tmp_path) == first | {"SECRET_KEY": "mine"}


def test_the_settings_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    environment.write({"A": "1"}, tmp_path)
    assert (tmp_path / "local.env").stat().st_mode & 0o777 == 0o600


def test_any_value_survives_the_file(tmp_path: Path) -> None:
    values = {"A": "it's", "B": 'a "b" #c', "C": "back\\slash \\'", "D": ""}
    environment.write(values, tmp_path)
    assert dict(dotenv_values(tmp_path / "local.env")) == values


def test_what_was_given_wins(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://db/x", "SITE_URL": "https://post.example.com", "PORT": "1"}
    values = environment.compose(given, tmp_path, 8001, {"EMAIL_URL": "smtp://relay"})
    assert values["DATABASE_URL"] == "postgresql://db/x"
    assert values["SITE_URL"] == "https://post.example.com"
    assert values["PORT"] == "8001"
    assert values["LOCAL_INBOX"] == ""


def test_a_path_with_spaces_makes_a_valid_database_url(tmp_path: Path) -> None:
    values = environment.compose({}, tmp_path / "my post", 8000, {})
    assert values["DATABASE_URL"] == f"sqlite:///{tmp_path}/my%20post/db.sqlite3"
