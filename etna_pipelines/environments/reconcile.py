"""What the registry lists against what is known: which feature environments to make, and which to remove.

Nothing here remembers what was asked before, only what is: it comes out right after any downtime, and asking twice is
asking for the same runs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from etna_pipelines.environments.features import feature_of
from etna_pipelines.environments.known import Known
from etna_pipelines.environments.registry_spec import Removal

FEW = 2
"""So many may leave the registry at once without anybody being asked, whatever share of all they are."""

RETRIED_AFTER = timedelta(minutes=10)
"""A removal that did not succeed is asked for again."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""Between the end of a run that did not make an environment and the next one: twice as long after each."""

SHOWN = 5
"""Names that a message holds."""


@dataclass(frozen=True)
class Request:
    """A run for an environment. One with the same key is the same run, and must not be started again."""

    name: str
    key: str


@dataclass(frozen=True)
class Plan:
    """What is known from now on, and what is to be done. What is known must be kept before anything is done: the keys
    of the runs hang on it."""

    known: Mapping[str, Known]
    to_make: list[Request]
    """One for each environment that is registered and was not made yet."""
    to_remove: list[Request]
    held_back: list[str]
    """Environments that would be removed now if so many had not left the registry at once."""
    messages: list[str]
    """What people should know."""


def reconcile(
    listed: Iterable[str],
    known: Mapping[str, Known],
    now: datetime,
    removal: Removal,
    failed: Mapping[str, datetime] | None = None,
) -> Plan:
    """Compare the branches that a complete listing holds with the environments that are known.

    One whose last run `failed`, at that time, and that was not made yet, is asked for by another key after a pause. One
    that left is removed when it was away for `removal.grace` minutes; while more of them are away than `removal.share`
    per cent and nobody confirmed that, none of these is."""
    branches, messages = _by_name(listed, known)
    seen = {name: _seen(known.get(name), branch, now) for name, branch in branches.items()}
    here = {name: _tried(each, (failed or {}).get(name), now) for name, each in seen.items()}
    away = {
        name: each if each.gone_since else each.model_copy(update={"gone_since": now})
        for name, each in known.items()
        if name not in here
    }
    asked = [name for name, each in away.items() if not each.confirmed and not each.removing_since]
    # Of those that there were when the first of them left: newer ones, and such as may go already, would hide how many.
    first = min((each.gone_since for name, each in away.items() if name in asked and each.gone_since), default=now)
    all_ = len(asked) + sum(each.created < first for each in here.values())
    too_many = len(asked) > FEW and len(asked) * 100 > removal.share * all_
    due = [name for name, each in away.items() if _is_due(each, now, removal)]
    held_back = sorted({*due}.intersection(asked)) if too_many else []
    for name, each in away.items():
        removing_since = each.removing_since or (now if name in due and name not in held_back else None)
        away[name] = each.model_copy(update={"removing_since": removing_since, "held_back": name in held_back})
    if held_back:
        messages.append(
            f"{len(asked)} of {all_} feature environments have left the registry ({_few(asked)}), which may be "
            "its mistake: run `etna test confirm` if they are to be removed, else put their branches back."
        )
    return Plan(
        known=dict(sorted({**here, **away}.items())),
        to_make=[Request(name, _try(name, each)) for name, each in sorted(here.items()) if not each.made],
        to_remove=[
            Request(name, f"{_key(name, each)}/removal-{(now - each.removing_since) // RETRIED_AFTER}")
            for name, each in sorted(away.items())
            if each.removing_since
        ],
        held_back=held_back,
        messages=messages,
    )


def confirmed(known: Mapping[str, Known]) -> dict[str, Known]:
    """The same after a person said that all that are away may be removed when their time has come."""
    return {
        name: each.model_copy(update={"confirmed": True}) if each.gone_since else each for name, each in known.items()
    }


def _by_name(listed: Iterable[str], known: Mapping[str, Known]) -> tuple[dict[str, str], list[str]]:
    """The branches by their environments' names. Where two have one name, the first that came keeps it."""
    branches: dict[str, str] = {}
    messages = []
    for branch in sorted({*listed}, key=lambda branch: (not _is_known(branch, known), branch)):
        name = feature_of(branch).name
        if branches.setdefault(name, branch) != branch:
            messages.append(f"{branch} would have the name of {branches[name]}, test/{name}: rename the branch.")
    return branches, messages


def _is_known(branch: str, known: Mapping[str, Known]) -> bool:
    each = known.get(feature_of(branch).name)
    return each is not None and each.branch == branch


def _seen(known: Known | None, branch: str, now: datetime) -> Known:
    """One that comes back is the same while its removal was not asked for, and keeps its database."""
    if known is None or known.removing_since or known.branch != branch:
        return Known(branch=branch, created=now)
    if known.gone_since is None:
        return known
    return known.model_copy(update={"gone_since": None, "confirmed": False, "held_back": False})


def _tried(each: Known, ended: datetime | None, now: datetime) -> Known:
    """The next try counts when its time has come: until then what Dagster itself makes of a run that died may do."""
    if each.made or ended is None or ended < each.created:
        return each
    pause = min(FIRST_PAUSE * 2 ** min(each.tries, 9), LONGEST_PAUSE)
    return each.model_copy(update={"failed_at": ended, "tries": each.tries + (now - ended >= pause)})


def _is_due(each: Known, now: datetime, removal: Removal) -> bool:
    return each.gone_since is not None and now - each.gone_since >= timedelta(minutes=removal.grace)


def _key(name: str, each: Known) -> str:
    return f"{name}@{each.created.isoformat()}"


def _try(name: str, each: Known) -> str:
    return _key(name, each) + (f"/try-{each.tries}" if each.tries else "")


def _few(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(sorted(names)[:SHOWN]) + (f" and {more} more" if more > 0 else "")
