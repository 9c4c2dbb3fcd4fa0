"""What changed in the schema from one snapshot to the next: new columns are what rules must know of."""

from etna_pipelines.snapshots.manifest import DatabaseSchema


def schema_changes(before: DatabaseSchema, after: DatabaseSchema) -> list[str]:
    """Tables and columns that came, went or have another type, as `added column public.auth_user.phone (text)`."""
    changes = []
    old = {table.qualified: {column.name: column.type for column in table.columns} for table in before.tables}
    new = {table.qualified: {column.name: column.type for column in table.columns} for table in after.tables}
    changes += [f"added table {table}" for table in new.keys() - old.keys()]
    changes += [f"removed table {table}" for table in old.keys() - new.keys()]
    for table in old.keys() & new.keys():
        was, now = old[table], new[table]
        changes += [f"added column {table}.{column} ({now[column]})" for column in now.keys() - was.keys()]
        changes += [f"removed column {table}.{column}" for column in was.keys() - now.keys()]
        changes += [
            f"changed column {table}.{column} ({was[column]} to {now[column]})"
            for column in was.keys() & now.keys()
            if was[column] != now[column]
        ]
    return sorted(changes)
