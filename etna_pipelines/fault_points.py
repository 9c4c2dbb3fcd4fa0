"""The boundaries between steps, by name: where a test ends the process to see that nothing is lost (tests/faults).

In ETNA_KILL_AT stands the point, and before it what is to happen there:

    backup: dumped              this process is killed
    group:backup: dumped        its whole process group is
    stop:backup: dumped         it stands still until somebody sends SIGCONT: time to do something to what it works with

Without the variable, which is read at each point, nothing happens.
"""

import os
import signal
from enum import StrEnum


class FaultPoint(StrEnum):
    """Each stands at one place of the sources, right behind what it says."""

    BACKUP_BEGUN = "backup: begun"
    BACKUP_TABLES_LOCKED = "backup: tables locked"
    BACKUP_TABLE_SHIPPED = "backup: a file shipped"
    BACKUP_DUMPED = "backup: dumped"
    BACKUP_SHIPPED = "backup: everything shipped"
    BACKUP_DRAFT_SAVED = "backup: draft saved"
    BACKUP_READ_BACK = "backup: read back"

    PUBLISH_READY = "publish: ready"
    PUBLISH_MANIFEST_WRITTEN = "publish: manifest written"

    VERIFY_MARKED = "verify: a snapshot marked"

    DRILL_CREATED = "drill: database created"
    DRILL_RESTORED = "drill: restored"

    STRIP_LOCKED = "strip: locked"
    STRIP_FILE_WRITTEN = "strip: a file written"
    STRIP_FINISHED = "strip: finished"
    STRIP_PROVEN = "strip: proven"
    SUBSET_WRITTEN = "subset: written"

    PUSH_BEGUN = "push: begun"
    PUSH_CREATED = "push: database created"
    PUSH_FETCHED = "push: archive fetched"
    PUSH_RESTORED = "push: restored"
    PUSH_CLONED = "push: cloned"
    PUSH_VERIFIED = "push: verified"
    PUSH_FIX_UPS_COMMITTED = "push: fix-ups committed"
    PUSH_FIXED_UP = "push: fixed up"
    PUSH_HEALTHY = "push: healthy"
    PUSH_RECORDED = "push: recorded"

    SWAP_MARKED = "swap: new database marked"
    SWAP_PREPARED = "swap: prepared"
    SWAP_LOCKED = "swap: first name changed"
    SWAP_RENAMED = "swap: all names changed"
    SWAP_COMMITTED = "swap: committed"

    ROLLBACK_RECORDED = "rollback: recorded"
    ROLLBACK_SWAPPED = "rollback: swapped"

    TEMPLATE_CREATED = "template: database created"
    TEMPLATE_VERIFIED = "template: verified"
    TEMPLATE_PUBLISHED = "template: published"
    CLONE_CREATED = "clone: created"

    REDEPLOY_NOTED = "redeploy: noted"
    REDEPLOY_ASKED = "redeploy: asked for"
    REDEPLOY_DEPLOYED = "redeploy: deployed"
    REDEPLOY_RECORDED = "redeploy: recorded"

    REMOVAL_BEGUN = "removal: begun"
    REMOVAL_DATABASE_DROPPED = "removal: a database dropped"
    REMOVAL_DROPPED = "removal: everything dropped"

    EXPIRY_REPLACED = "expiry: full copy replaced"
    EXPIRY_RECORDED = "expiry: recorded"
    EXPIRY_DROPPED = "expiry: full copy dropped"

    PRUNE_RETIRED = "prune: a snapshot retired"
    PRUNE_MANIFEST_DELETED = "prune: manifest deleted"
    PRUNE_FILES_DELETED = "prune: files deleted"


def reached(point: FaultPoint) -> None:
    """Does nothing, unless ETNA_KILL_AT names this point."""
    named = os.environ.get("ETNA_KILL_AT", "")
    if named == point:
        os.kill(os.getpid(), signal.SIGKILL)
    elif named == f"group:{point}":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    elif named == f"stop:{point}":
        os.kill(os.getpid(), signal.SIGSTOP)
