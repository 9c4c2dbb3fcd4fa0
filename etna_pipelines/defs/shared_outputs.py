"""What a step hands to the next, kept in the store: for steps that run on machines which share nothing else.

Only texts are handed on, ids and records; nothing that is read back could run as a program, as a pickle would."""

import json
from contextlib import suppress

import dagster as dg

from etna_pipelines.defs.errors import told_to_dagster
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import StoreError, StoreRefused
from etna_pipelines.stores.store import Store

PREFIX = "steps"
RUNS = "runs"


class SharedOutputs(dg.ConfigurableIOManager):
    """An asset's newest value under its name, other outputs under their run."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        if obj is not None and not isinstance(obj, str):
            raise StoreRefused(f"The output {context.name} of {context.step_key} is no text: hand on an id instead.")
        with told_to_dagster():
            self._store().put(_key(context), [json.dumps(obj).encode()])

    def load_input(self, context: dg.InputContext) -> str | None:
        with told_to_dagster():
            found: str | None = json.loads(b"".join(self._store().read(_key(context))))
            return found

    def _store(self) -> Store:
        return Etna().settings().open_store()


def forget(store: Store, run: str, graph: str, but: str) -> None:
    """Delete what the steps of a graph handed on in a run, but that of one step. Who may not delete leaves it to the
    bucket's rules."""
    steps = f"{PREFIX}/{RUNS}/{run}/{graph}."
    with suppress(StoreError):
        keys = [item.key for item in store.list(steps)]
        store.delete([key for key in keys if not key.startswith(f"{steps}{but}/")])


def _key(context: dg.OutputContext | dg.InputContext) -> str:
    place = ["assets", *context.get_asset_identifier()] if context.has_asset_key else [RUNS, *context.get_identifier()]
    return "/".join([PREFIX, *place])
