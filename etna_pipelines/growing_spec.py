"""What environments.yaml says under `growing:`: on how many machines the night's strip and proof are done."""

import re

from pydantic import ByteSize, Field, field_validator

from etna_pipelines.strict_model import StrictModel

IN_PROCESS = "in_process"
BUILT_IN = (IN_PROCESS, "multiprocess", "celery")


class GrowingSpec(StrictModel):
    """`executor` is what runs the steps of the job `nightly`: `in_process`, all of them in one process, and the strip
    is one step; or something that runs many at a time, and then strip and proof are shared out by parts."""

    executor: str = IN_PROCESS
    """`in_process`, `multiprocess`, `celery`, or another Dagster executor by its name in Python, such as
    `dagster_k8s.k8s_job_executor`."""
    part: ByteSize = ByteSize(256_000_000)
    """Bytes of the archive that a part is about: compressed ones."""
    processes: int = Field(default=2, ge=1)
    """Parts at a time, with `multiprocess`."""
    patience: int = Field(default=15, ge=1)
    """Minutes, with `celery`, after which a part is given to another worker: more than any part takes."""
    config: dict[str, object] = {}
    """What another executor is configured with, see its own documentation."""

    @field_validator("executor")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BUILT_IN and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", name):
            raise ValueError(
                f"must be {', '.join(BUILT_IN)}, or a name in Python such as `dagster_k8s.k8s_job_executor`."
            )
        return name

    @field_validator("part")
    @classmethod
    def _large_enough(cls, part: ByteSize) -> ByteSize:
        if part < 1_000_000:
            raise ValueError("must be 1MB or more: each part takes a second to begin.")
        return part

    @property
    def fans_out(self) -> bool:
        return self.executor != IN_PROCESS
