"""The sections of deploy/README.md, to which findings about a set-up point."""

from enum import StrEnum

from etna_pipelines.doctor import Finding, State

PAGE = "deploy/README.md"


class Section(StrEnum):
    """A heading of the page, as it stands there."""

    MACHINE = "1. The machine"
    DAGSTER = "2. Dagster's database"
    STORE = "3. The bucket"
    ROLES = "4. The databases' roles"
    SETTINGS = "5. Settings and secrets"
    SERVICES = "6. The services"
    PEOPLE = "7. Who sees the UI"
    ALERTS = "8. Alerts"
    RETENTION = "9. How long snapshots stay"


def finding(subject: str, state: State, says: str, section: Section | None) -> Finding:
    """A finding; what is for somebody to do names the section that tells how."""
    return Finding(subject, state, f"{says.rstrip('.')} ({PAGE}, {section})" if section and state == "work" else says)
