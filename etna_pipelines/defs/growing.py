"""Growing: `stripped_snapshot` as a graph of parts, and what executes it. Values handed on are ids, never data."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import dagster as dg

from etna_pipelines.defs import metadata
from etna_pipelines.defs.assets import ASSETS, PROOF, PROOF_CHECK, stripped_snapshot
from etna_pipelines.defs.databases import GROUP
from etna_pipelines.defs.errors import told_to_dagster
from etna_pipelines.defs.resources import Etna
from etna_pipelines.defs.shared_outputs import SharedOutputs, forget
from etna_pipelines.errors import SettingsError
from etna_pipelines.growing_spec import GrowingSpec
from etna_pipelines.settings import load

if TYPE_CHECKING:
    from etna_pipelines.fan_out_steps import FanOutSteps

BROKER = "ETNA_BROKER_URL"
PARTS_QUEUE = "etna-parts"
"""Of Celery: where parts wait, apart from other steps, which may take hours."""

ATTEMPTS = 3
"""How often a part is begun: one that kills its worker each time needs more memory than there is."""

OF_PARTS = {"dagster-celery/queue": PARTS_QUEUE}
PRELOADED = ["dagster", "sqlalchemy", "alembic.config", "etna_pipelines.definitions"]
"""What each process of `multiprocess` needs: loaded once, before it is forked."""


def _shared_out(parts: list[str]) -> Iterator[dg.DynamicOutput[str]]:
    for number, part in enumerate(parts):
        yield dg.DynamicOutput(part, mapping_key=f"{number:05}", output_name="parts")


@dg.op(pool="strip", out={"strip": dg.Out(str), "parts": dg.DynamicOut(str)})
def begin_strip(etna: Etna, full_snapshot: str) -> Iterator[dg.Output[str] | dg.DynamicOutput[str]]:
    """What can't be stripped is refused before any data is read; the rest is shared out."""
    with told_to_dagster():
        strip, parts = etna.fan_out_steps().begin(full_snapshot)
    yield dg.Output(strip, "strip")
    yield from _shared_out(parts)


def _of_all(name: str, does: "Callable[[FanOutSteps, str], list[str]]", description: str) -> dg.OpDefinition:
    @dg.op(name=name, ins={"done": dg.In(dg.Nothing)}, out={"parts": dg.DynamicOut(str)}, description=description)
    def of_all(etna: Etna, strip: str) -> Iterator[dg.DynamicOutput[str]]:
        with told_to_dagster():
            parts = does(etna.fan_out_steps(), strip)
        yield from _shared_out(parts)

    return of_all


def _of_part(name: str, does: "Callable[[FanOutSteps, str], None]", description: str) -> dg.OpDefinition:
    @dg.op(name=name, tags=OF_PARTS, description=description)
    def of_part(context: dg.OpExecutionContext, etna: Etna, part: str) -> str:
        if _run_has_ended(context) or _is_done(context):  # a lost worker's part, which came back too late
            return part
        with told_to_dagster():
            _refuse_again(context)
            does(etna.fan_out_steps(), part)
        return part

    return of_part


read_first = _of_part(
    "read_part_first",
    lambda steps, part: steps.read_first(part),
    "The columns of a part that scrub or a mask has to know whole before anything is masked.",
)
gather = _of_all(
    "gather",
    lambda steps, strip: steps.gather(strip),
    "What was read first is put together; the strip is shared out.",
)
strip_part = _of_part("strip_part", lambda steps, part: steps.strip_part(part), "A part of the archive, stripped.")
assemble = _of_all(
    "assemble",
    lambda steps, strip: steps.assemble(strip),
    "The stripped parts become one archive; its proof is shared out.",
)
prove_part = _of_part("prove_part", lambda steps, part: steps.prove_part(part), "A part of the archive, searched.")


@dg.op(ins={"done": dg.In(dg.Nothing)})
def conclude(etna: Etna, strip: str) -> str:
    """What was found in all parts: the proof."""
    with told_to_dagster():
        etna.fan_out_steps().conclude(strip)
    return strip


@dg.op(out=dg.Out(dagster_type=dg.Nothing))
def proof(etna: Etna, strip: str) -> Iterator[dg.AssetCheckResult]:
    """The finished archive was read back whole and holds none of the originals."""
    with told_to_dagster():
        steps = etna.fan_out_steps()
        draft = steps.concluded(strip)
        passed = draft.proof is not None and draft.proof.passed
        described = metadata.of_proof(draft.proof, steps.report(draft)) if draft.proof else {}
        yield dg.AssetCheckResult(passed=passed, check_name=PROOF, metadata=described)
        if not passed:
            steps.publish_draft(strip)  # raises, and removes what was made


@dg.op(ins={"proven": dg.In(dg.Nothing)})
def publish(context: dg.OpExecutionContext, etna: Etna, strip: str) -> dg.Output[str]:
    """What a failed proof refuses is removed, before anything is recorded or listed. What this step itself needs stays:
    it may be run again."""
    with told_to_dagster():
        steps = etna.fan_out_steps()
        stripped = steps.publish_draft(strip)
        described = metadata.of_snapshot(stripped, steps.store.location(stripped.prefix))
        forget(steps.store, context.run_id, "stripped_snapshot", but="conclude")
        return dg.Output(stripped.id, metadata=described, data_version=dg.DataVersion(stripped.id))


@dg.graph_asset(
    name="stripped_snapshot",
    group_name=GROUP,
    kinds={"archive"},
    check_specs=[PROOF_CHECK],
    description=stripped_snapshot.descriptions_by_key[stripped_snapshot.key],
)
def stripped_by_parts(full_snapshot: str) -> dict[str, str]:
    strip, parts = begin_strip(full_snapshot)
    parts = gather(strip, done=parts.map(read_first).collect())
    parts = assemble(strip, done=parts.map(strip_part).collect())
    concluded = conclude(strip, done=parts.map(prove_part).collect())
    checked = proof(concluded)
    return {"result": publish(concluded, proven=checked), PROOF_CHECK.get_python_identifier(): checked}


def configured() -> GrowingSpec:
    """What environments.yaml says, read when the definitions load; the default where the file is wrong, as the steps
    of the run then say what is."""
    try:
        return load().growing
    except SettingsError:
        return GrowingSpec()


def assets(growing: GrowingSpec) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """All of them: `stripped_snapshot` in one step, or shared out."""
    if not growing.fans_out:
        return ASSETS
    return [stripped_by_parts if each is stripped_snapshot else each for each in ASSETS]


def resources(growing: GrowingSpec) -> dict[str, dg.ConfigurableIOManager]:
    """What steps need that run on several machines."""
    return {"io_manager": SharedOutputs()} if growing.fans_out else {}


def executor(growing: GrowingSpec) -> dg.ExecutorDefinition:
    """What runs the steps of `nightly`. Raises SettingsError where it is not installed."""
    match growing.executor:
        case "in_process":
            return dg.in_process_executor
        case "multiprocess":
            return dg.multiprocess_executor.configured(
                {
                    "max_concurrent": growing.processes,
                    "start_method": {"forkserver": {"preload_modules": PRELOADED}},
                }
            )
        case "celery":
            # The broker's address holds a password: its variable's name is all that a run keeps of it.
            address = {"env": BROKER}
            return _found("dagster_celery.celery_executor").configured({"broker": address, "backend": address})
        case name:
            return _found(name).configured(growing.config)


def _found(name: str) -> dg.ExecutorDefinition:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        raise SettingsError(
            f"environments.yaml asks for the executor `{name}`, which is not installed: install it "
            f"(`uv sync --extra celery` for Celery), or correct `growing.executor`."
        ) from None
    if not isinstance(found, dg.ExecutorDefinition):
        raise SettingsError(f"environments.yaml asks for `{name}`, which is no executor: correct `growing.executor`.")
    return found


def _run_has_ended(context: dg.OpExecutionContext) -> bool:
    run = context.instance.get_run_by_id(context.run_id)
    return run is None or run.is_finished


def _is_done(context: dg.OpExecutionContext) -> bool:
    """Whether another worker has done this step of this run meanwhile."""
    return _times(context, dg.DagsterEventType.STEP_SUCCESS) > 0


def _times(context: dg.OpExecutionContext, event: dg.DagsterEventType) -> int:
    """How often that has happened to this step in this run."""
    key = context.get_step_execution_context().step.key
    return sum(record.step_key == key for record in context.instance.all_logs(context.run_id, of_type=event))


def _refuse_again(context: dg.OpExecutionContext) -> None:
    """Raises dg.Failure for a part whose workers were lost again and again."""
    begun = _times(context, dg.DagsterEventType.STEP_START)
    if begun > ATTEMPTS:
        raise dg.Failure(
            f"The workers of this part were lost {begun - 1} times, or took longer than `growing.patience`: give them "
            "more memory, make `growing.part` smaller, or `growing.patience` larger.",
            allow_retries=False,
        )
