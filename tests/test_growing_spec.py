import pytest
from pydantic import ValidationError

from etna_pipelines.growing_spec import GrowingSpec


def test_sizes_are_written_as_people_do() -> None:
    spec = GrowingSpec.model_validate({"executor": "celery", "part": "64MB"})
    assert (spec.part, spec.fans_out) == (64_000_000, True)
    assert not GrowingSpec().fans_out


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"executor": "dask"}, "must be in_process, multiprocess, celery"),
        ({"executor": "os system"}, "must be in_process"),
        ({"part": "10kB"}, "must be 1MB or more"),
        ({"patience": 0}, "greater than or equal to 1"),
        ({"broker": "redis://:secret@localhost"}, "Extra inputs"),
    ],
)
def test_what_can_t_be_is_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        GrowingSpec.model_validate(said)
