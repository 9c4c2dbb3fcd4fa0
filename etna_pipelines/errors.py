"""What can go wrong, as values of the domain.

Every message is one sentence for a person: what, where, what to do next. It never holds a row's value or a
secret. Errors are raised where the cause is known and translated once, at the edge (the CLI, Dagster).
"""


class EtnaError(Exception):
    """Base of every error a user can meet. `retryable` says whether trying again by itself can help."""

    retryable = False


class SettingsError(EtnaError):
    """environments.yaml, an environment variable or a secret is missing or wrong."""


class SecretUnreachable(SettingsError):
    """The secret that a variable refers to could not be asked for."""

    retryable = True


class RulesError(EtnaError):
    """The anonymisation rules are wrong, or do not fit the schema they are for."""


class StoreError(EtnaError):
    """The store refused or could not be reached."""

    retryable = True


class StoreRefused(StoreError):
    """The store answered no, and would again: credentials, permissions, space, a name that is taken."""

    retryable = False


class ObjectMissing(StoreError):
    """The store holds no such object."""

    retryable = False


class ObjectSealed(StoreRefused):
    """An object is encrypted, and not to us."""


class SnapshotDamaged(EtnaError):
    """A snapshot's file or manifest is not what was published."""


class SnapshotUnreadable(EtnaError):
    """A snapshot may be good and can't be read here: its manifest is of a newer version, or signed with a key that is
    not set."""


class VerificationFailed(EtnaError):
    """Snapshots that were read again are not what was published, or could not be read."""


class DrillFailed(EtnaError):
    """A snapshot could not be restored in a drill, or is not what it says once it is."""


class SnapshotMissing(EtnaError):
    """No snapshot of that id or kind is in the store."""


class DatabaseUnreachable(EtnaError):
    """A server does not answer."""

    retryable = True


class DatabaseRefused(EtnaError):
    """A server answered no: credentials, privileges, a missing database or role."""


class DatabaseBusy(DatabaseRefused):
    """A server answered that it has no connection left."""

    retryable = True


class ProgramError(EtnaError):
    """A client program (pg_dump, pg_restore ...) is missing, too old for the server, or failed."""


class BackupFailed(EtnaError):
    """Production could not be dumped whole."""


class ArchiveMalformed(EtnaError):
    """An archive holds what its manifest's schema does not allow."""


class ValueMalformed(ArchiveMalformed):
    """A value that is not what its column holds: raised with its position among the values (from 0) and what is wrong
    with it (`is not JSON`); told with table, column and row by whoever knows them."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"Value {position + 1} of a block {what}.")
        self.position = position
        self.what = what


class SubsetError(EtnaError):
    """A subset that was asked for can't be made of its snapshot."""


class ProofFailed(EtnaError):
    """A finished stripped archive still holds something it must not."""


class PushRefused(EtnaError):
    """Preflight found a reason not to touch the target."""


class PushFailed(EtnaError):
    """A push failed before its swap: the target serves what it served before."""


class FixUpFailed(PushFailed):
    """A fix-up of the new database failed: the target serves what it served before."""


class TargetAsleep(EtnaError):
    """A target's server is switched off, and stayed so for as long as it is waited for: enough for one run."""


class ScratchFull(EtnaError):
    """The disk on which a run works has no room left."""


class EnvironmentGone(EtnaError):
    """A feature environment left its registry while it was being made: what was made of it is removed."""


class PushUnrecorded(EtnaError):
    """A database was swapped in and serves; only the store's record of it is missing."""


class SwapFailed(EtnaError):
    """The new database could not be exchanged for the live one, which goes on serving."""


class RedeployFailed(EtnaError):
    """The database was swapped in; the application's redeploy did not succeed."""


class RedeployRefused(RedeployFailed):
    """Nothing was asked for: what was to be redeployed does not serve, or the settings lack something."""


class RedeployUnfinished(RedeployFailed):
    """Whether the application was redeployed is not known yet: asking again goes on with the same redeploy."""


class RegistryError(EtnaError):
    """The registry of feature environments could not be read whole: nothing is added or removed."""

    retryable = True


class RegistryRefused(RegistryError):
    """The registry answered no, and would again."""

    retryable = False


class RemovalFailed(EtnaError):
    """A feature environment's databases could not all be dropped; removing it again goes on with the rest."""


class EnvironmentWanted(EtnaError):
    """A feature environment that is to be removed is still registered: it stays."""


class GitHubError(EtnaError):
    """GitHub did not answer, or not as it should."""

    retryable = True


class GitHubRefused(GitHubError):
    """GitHub answered no, and would again: credentials, permissions, a repository or workflow that is not there."""

    retryable = False


class LostReply(GitHubError):
    """GitHub was asked to do something, and its reply was lost: whether it did is to be looked up, not asked again."""

    retryable = False


class ReleaseFailed(EtnaError):
    """A release could not be made or rehearsed."""


class AlertFailed(EtnaError):
    """Somebody who was to be told of a trouble may not have been; the next tick tries again."""

    retryable = True


class LockHeld(EtnaError):
    """Another run works on the same target."""
