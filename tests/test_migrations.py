"""Migrations that old code survives: it goes on beside them, with rows that name none of the new columns."""

from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

#: Those up to here were made before there was an earlier version to go on beside them.
_FIRST = "0023"
#: Columns that came without one, and the migration that has given them one since.
_MENDED = {"0028_sources sources": "0030_sources_by_default"}
#: What code of one version needs and that of the next does not is removed by the one after that; named here then.
_REMOVED_LATER: set[str] = set()
#: Columns that old code writes rows of and that have no default in the database are none of these.
_OLD_ROWS_FAIL = "an INSERT by the version before names no such column: give it null=True or db_default"


def operations() -> Iterator[tuple[str, Operation]]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app == "mailer" and name > _FIRST:
            yield from ((name, operation) for operation in migration.operations)


def test_a_column_that_is_added_to_a_table_needs_no_word_of_old_code():
    added = [(name, each) for name, each in operations() if isinstance(each, migrations.AddField)]
    assert added, "nothing was looked at"
    new_tables = {each.name_lower for _, each in operations() if isinstance(each, migrations.CreateModel)}
    for name, operation in added:
        field = operation.field
        if f"{name} {operation.name}" in _MENDED:
            continue
        has_default = field.null or field.has_db_default() or isinstance(field, models.ManyToManyField)
        assert has_default or operation.model_name_lower in new_tables, f"{name} {operation.name}: {_OLD_ROWS_FAIL}"


@pytest.mark.parametrize(
    "kind", [migrations.RemoveField, migrations.RenameField, migrations.DeleteModel, migrations.RenameModel]
)
def test_nothing_is_taken_away_that_old_code_reads(kind: type[Operation]):
    found = {f"{name} {operation.describe()}" for name, operation in operations() if isinstance(operation, kind)}
    assert found <= _REMOVED_LATER


def test_an_index_on_a_table_that_is_there_is_made_beside_the_work():
    new_tables = {each.name_lower for _, each in operations() if isinstance(each, migrations.CreateModel)}
    for name, operation in operations():
        if type(operation) is migrations.AddIndex:
            assert operation.model_name_lower in new_tables, f"{name}: AddIndexOnline of migrations/_online.py"
