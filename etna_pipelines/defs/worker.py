"""A worker of Celery: does steps of the job `nightly`, those of one kind, on whatever machine it is started.

What makes the step of a killed worker another one's: a task is acknowledged when it is done, not when it is taken
(acks_late). Where a process was killed by itself, for want of memory say, its worker gives the task back at once
(reject_on_worker_lost). Where the whole worker is gone, the others give it back when `visibility_timeout` is over. That
is short for parts, which take minutes, and long for other steps, which may take hours: their bookkeeping is kept apart
by its names in Redis (see kombu.transport.redis).
"""

from typing import Any

from celery import Celery
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from etna_pipelines.defs.growing import PARTS_QUEUE
from etna_pipelines.growing_spec import GrowingSpec

STEPS_QUEUE = "dagster"
DAY = 24 * 60 * 60
LOOKS = 10
"""Seconds between two looks for what lost workers held."""


def worker(broker: str, growing: GrowingSpec, *, parts: bool) -> Celery:
    """The app of a worker for parts, or for all other steps."""
    queue = PARTS_QUEUE if parts else STEPS_QUEUE
    settings: dict[str, Any] = {
        "task_default_queue": queue,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": growing.patience * 60 if parts else DAY,
            "unacked_key": f"unacked-{queue}",
            "unacked_index_key": f"unacked-index-{queue}",
            "unacked_mutex_key": f"unacked-mutex-{queue}",
            "unacked_restore_interval": LOOKS,
            "unacked_restore_throttle": 1,
        },
    }
    app: Celery = make_app({"broker": broker, "backend": broker, "config_source": settings})  # type: ignore[no-untyped-call]
    create_task(app)  # type: ignore[no-untyped-call]
    return app


def run(broker: str, growing: GrowingSpec, *, parts: bool, at_once: int) -> None:
    """Work until somebody stops it, on so many steps at once, each in a process of its own."""
    app = worker(broker, growing, parts=parts)
    queue = PARTS_QUEUE if parts else STEPS_QUEUE
    app.worker_main(
        ["worker", "-Q", queue, "-c", str(at_once), "-l", "WARNING", "--without-gossip", "--without-mingle"]
    )
