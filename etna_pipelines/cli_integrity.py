"""`etna verify`, `drill` and `resign`: for people who want to know that snapshots are what was published."""

from typing import Annotated

import typer
from rich.filesize import decimal

from etna_pipelines.settings import load
from etna_pipelines.terminal import console


def verify(
    snapshot: Annotated[str, typer.Argument(help="A snapshot's id; without one, this week's share of the store.")] = "",
) -> None:
    """Read snapshots again, whole, and remember what was found."""
    from etna_pipelines.bars import Bars
    from etna_pipelines.integrity_steps import IntegritySteps, refuse_unsound

    settings = load()
    with Bars(console) as bars:
        steps = IntegritySteps(settings, settings.open_store(), bars)
        if snapshot:
            sound = steps.verify(snapshot)
        else:
            read = steps.verify_share()
    if snapshot:
        console.print(f"{sound.kind} snapshot {sound.id} is what was published, {decimal(sound.bytes)}.")
        return
    for each in read:
        if not each.problem:
            console.print(f"{each.snapshot.kind} snapshot {each.snapshot.id} is what was published.")
    refuse_unsound(read)
    if not read:
        console.print("Nothing is due this week.")


def resign() -> None:
    """Sign all snapshots with ETNA_SIGNING_KEY, so that a key of ETNA_OLD_SIGNING_KEYS is not needed any more."""
    from etna_pipelines.integrity_steps import IntegritySteps

    settings = load()
    steps = IntegritySteps(settings, settings.open_store())
    signed, left = steps.resign(), steps.of_old_keys()
    newest, *old = settings.signing_keys().ids
    console.print(f"{len(signed)} snapshots were signed anew; the key {newest} has signed all that are listed.")
    if left:
        console.print(
            f"Leave {' and '.join(old)} in ETNA_OLD_SIGNING_KEYS: {len(left)} that are retired, or not published yet, "
            "were not signed anew. Run `etna resign` again once `etna prune --yes` has deleted them.",
            soft_wrap=True,
        )
    elif old:
        console.print(f"Take {' and '.join(old)} out of ETNA_OLD_SIGNING_KEYS wherever it is set.")


def drill(
    snapshot: Annotated[str, typer.Argument(help="A snapshot's id; else the newest full one.")] = "",
) -> None:
    """Restore a snapshot into a database of its own, look through it, and drop it."""
    from etna_pipelines.bars import Bars
    from etna_pipelines.integrity_steps import IntegritySteps

    settings = load()
    with Bars(console) as bars:
        done = IntegritySteps(settings, settings.open_store(), bars).drill(snapshot)
    console.print(done.says if done else "environments.yaml switches drills off, by `integrity.drill`.")
