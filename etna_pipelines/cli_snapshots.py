"""`etna snapshots` and `etna prune`: what is in the store, how long it stays, and what goes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from etna_pipelines.settings import Settings, load
from etna_pipelines.status import age
from etna_pipelines.terminal import console, show, table

if TYPE_CHECKING:
    from etna_pipelines.snapshots.catalogue import Catalogue
    from etna_pipelines.snapshots.listing import Listed, Unreadable
    from etna_pipelines.snapshots.retention import Verdict
    from etna_pipelines.snapshots.retention_prune import Pruning


def snapshots(why: Annotated[bool, typer.Option("--why", help="Why each stays, and until when.")] = False) -> None:
    """The snapshots in the store, oldest first."""
    from etna_pipelines.snapshots.catalogue import Catalogue
    from etna_pipelines.snapshots.integrity import damaged
    from etna_pipelines.snapshots.listing import Listed, Memory, Unreadable, listable, listing
    from etna_pipelines.snapshots.retention_prune import look

    settings = load()
    catalogue = Catalogue(settings.open_store(), settings.signing_keys())
    kinds, refused = listable(catalogue)
    found: list[Listed | Unreadable]
    if why:
        pruning = look(catalogue, settings.retention)
        found = [*(each.snapshot for each in pruning.verdicts), *pruning.unreadable]
        unsound, shown = pruning.unsound, _why(catalogue, pruning, settings)
    else:
        found = listing(catalogue, Memory.of(settings.home, catalogue), kinds)
        marked = damaged(catalogue.store, kinds)
        unsound = marked
        shown = _listed(found, {id_: f"found damaged on {when:%d %b %Y}" for id_, when in marked.items()})
    if found:
        show(shown)
    else:
        console.print(f"No snapshots yet in {catalogue.store.location()}.")
    for problem in refused:
        console.print(f"Not all are told: {escape(str(problem))}", soft_wrap=True)
    for each in found:
        if isinstance(each, Unreadable):
            console.print(f"[red]{escape(str(each.problem))}", soft_wrap=True)
    if any(not isinstance(each, Listed) or each.id in unsound for each in found):
        raise typer.Exit(1)


def prune(yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False) -> None:
    """What goes by the rules of `retention` in environments.yaml, and why; --yes retires it, and deletes what was
    retired before."""
    from etna_pipelines.retention_steps import RetentionSteps

    steps = RetentionSteps.of(load())
    pruning = steps.prune() if yes else steps.look()
    show(_pruned(pruning, done=yes))
    hours = steps.settings.retention.grace
    freed = f"{decimal(pruning.bytes)} {'are' if yes else 'would be'} free"
    console.print(
        f"{freed}, {len(pruning.leftovers)} objects that runs left behind among it. "
        f"What is retired is deleted by a later prune, when it has not been listed for {hours} h.",
        soft_wrap=True,
    )
    if not yes:
        console.print("Nothing was done: `etna prune --yes` does it.")


def _listed(found: "Iterable[Listed | Unreadable]", damaged: dict[str, str]) -> Table:
    from etna_pipelines.snapshots.listing import Unreadable

    shown = table("kind", "id", "age", "size", "rows", "of", "rules", "proof", "")
    for each in found:
        if isinstance(each, Unreadable):
            shown.add_row(each.kind, each.id, age(each.id), "", "", "", "", "", "[red]can't be read")
            continue
        rules = f"{each.rules[:8]}, key {each.key_id}" if each.rules else ""
        proof = {None: "", True: "[green]passed", False: "[red]failed"}[each.proven]
        sizes = (decimal(each.bytes), f"{each.rows:,}")
        remark = f"[red]{damaged[each.id]}" if each.id in damaged else ""
        shown.add_row(_kind(each), each.id, age(each.id), *sizes, escape(each.database), rules, proof, remark)
    return shown


def _why(catalogue: "Catalogue", pruning: "Pruning", settings: Settings) -> Table:
    """By the verdicts of `etna prune` itself."""
    from etna_pipelines.snapshots.manifest import KINDS
    from etna_pipelines.snapshots.retention import last_nights

    rules = settings.retention
    found = [each.snapshot for each in pruning.verdicts]
    goes = {id_: f"{night:%d %b %Y}" for id_, night in last_nights(found, pruning.unsound, rules).items()}
    lasting = {each.snapshot.id for each in pruning.bring_back} | {each.id for each in pruning.unreadable}
    retired = {id_: (kind, mark) for kind in KINDS for id_, mark in catalogue.retired(kind).items()}
    shown = table("kind", "id", "age", "size", "goes", "why")
    for id_, (kind, mark) in retired.items():
        if id_ not in lasting:
            until = f"retired on {mark.when:%d %b %Y}, deleted after {rules.grace} h"
            shown.add_row(kind, id_, age(id_), "", "now", until)
    for each in pruning.verdicts:
        if each.snapshot.id in lasting or each.snapshot.id not in retired:
            until = goes.get(each.snapshot.id, "stays") if each.stays else "next"
            shown.add_row(*_described(each), until, each.why)
    return shown


def _pruned(pruning: "Pruning", *, done: bool) -> Table:
    shown = table("kind", "id", "age", "size", "", "why")
    for verdicts, what in (
        (pruning.delete, "[red]deleted" if done else "[red]delete"),
        (pruning.waiting, "is retired"),
        (pruning.retire, "[yellow]retired" if done else "[yellow]retire"),
        (pruning.bring_back, "[green]brought back" if done else "[green]bring back"),
    ):
        for each in verdicts:
            shown.add_row(*_described(each), what, each.why)
    for unreadable in pruning.unreadable:
        shown.add_row(
            unreadable.kind, unreadable.id, age(unreadable.id), "", "left alone", escape(str(unreadable.problem))
        )
    return shown


def _described(verdict: "Verdict") -> tuple[str, str, str, str]:
    snapshot = verdict.snapshot
    return _kind(snapshot), snapshot.id, age(snapshot.id), decimal(snapshot.bytes)


def _kind(snapshot: "Listed") -> str:
    return f"{snapshot.kind}, subset" if snapshot.is_subset else snapshot.kind
