"""Foreign keys between what is masked, emptied, thinned out and left out: the archive has to load with all of them."""

from collections.abc import Iterator, Mapping

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.masks.types import integer_limit
from etna_pipelines.anonymise.plan.planned import ColumnPlan, TablePlan
from etna_pipelines.snapshots.manifest import DatabaseSchema, ForeignKey


def misfits(tables: Mapping[str, TablePlan], schema: DatabaseSchema) -> Iterator[str]:
    """What would break a foreign key, with what would not."""
    for key in schema.foreign_keys:
        referring, referred = tables.get(key.table), tables.get(key.references)
        if referring is None or referred is None or referring.skip:
            continue
        if referred.skip:
            yield (
                f"{key.references} is left out and {key.table}.{', '.join(key.columns)} refers to it: "
                f"leave {key.table} out too, or say `data: empty` for {key.references}"
            )
        elif not referring.keeps_none:
            yield from _orphans(key, referring, referred)
            if not referred.keeps_none:
                yield from _ends(key, referring, referred)


def _orphans(key: ForeignKey, referring: TablePlan, referred: TablePlan) -> Iterator[str]:
    """Rows that refer to rows which go. A key of which one column is NULL refers to nothing."""
    nulled = [referring.masked[name] for name in key.columns if name in referring.masked]
    if not referred.loses_rows or any(each.spec.name == "null" and each.condition is None for each in nulled):
        return
    columns = f"{key.table}.{', '.join(key.columns)}"
    if referred.empty:
        yield (
            f"{key.references} is emptied and {columns} refers to it: empty {key.table} too, or make the column null"
        )
    else:
        yield (
            f"{key.references} loses rows (`rows:`) and {columns} refers to it: empty {key.table}, make the column "
            "null, or take a subset instead (`etna strip --subset`), which follows foreign keys"
        )


def _ends(key: ForeignKey, referring: TablePlan, referred: TablePlan) -> Iterator[str]:
    for name, referenced in zip(key.columns, key.referenced_columns, strict=True):
        end, other = referring.masked.get(name), referred.masked.get(referenced)
        if end is None and other is None:
            continue
        if end is not None and end.spec.name == "null" and (end.condition is None or other is None):
            continue
        joined = f"{key.table}.{name} and {key.references}.{referenced}: a foreign key joins them and "
        if end is None or other is None or end.spec != other.spec:
            yield f"{joined}their masks differ ({_told(end)}, {_told(other)}): give both the same"
        elif not masks.KINDS[end.spec.name].agrees:
            yield f"{joined}`{end.spec}` makes equal values different in two columns: use hash, token or keep"
        elif _alphabet(end) != _alphabet(other):
            yield f"{joined}`{end.spec}` makes other values in columns of other types or lengths: keep both"
        elif _condition(end) != _condition(other):
            yield (f"{joined}their masks have different conditions: give both the same, on the key's own columns alone")
    return


def _condition(planned: ColumnPlan) -> object:
    """The condition, with the column's own name left open: it says the same of both ends if it names nothing else."""
    if planned.condition is None:
        return None
    name = planned.column.name
    if planned.condition.columns != [name]:
        return f"{planned.origin}: {planned.condition.text}"
    return planned.condition.of_any(name)


def _alphabet(planned: ColumnPlan) -> tuple[str, int | None]:
    column = planned.column
    if integer_limit(column) is not None:  # `token` makes the same of an integer whatever its size
        return "integer", None
    return ("text", length_of(column)) if is_textual(column) else (base_type(column), None)


def _told(planned: ColumnPlan | None) -> str:
    if planned is None:
        return "keep"
    spec = planned.spec
    is_said = spec.unique and not masks.KINDS[spec.name].folds(spec)  # else it goes without saying in a key
    extras = [spec.locale, "unique" if is_said else ""]
    return " ".join(filter(None, [spec.shown, *extras]))
