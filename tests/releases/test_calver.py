from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.releases.calver import CalVer, following, newest

versions = st.builds(CalVer, st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(0, 10**6))
moments = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC))


@given(versions)
def test_a_version_is_read_as_it_is_written(version: CalVer) -> None:
    assert CalVer.parse(str(version)) == CalVer.parse(version.tag) == version
    assert version.tag == f"v{version}"


@given(st.from_regex(r"v?\d\d\.\d\d\.\d\d\.\d{1,3}\s?", fullmatch=True))
def test_what_is_read_is_written_the_same(text: str) -> None:
    version = CalVer.parse(text)
    assert version is None or text in (str(version), version.tag)


@pytest.mark.parametrize(
    "tag",
    ["7.3.0", "v7.70", "26.08.21", "26.8.21.1", "26.13.01.1", "26.02.30.1", "26.08.21.02215", "V26.08.21.1",
     "26.08.21.1\n", "26.08.21.1-rc1", "vv26.08.21.1", "26.08.21.-1", "٢٦.08.21.1", ""],
)  # fmt: skip
def test_other_tags_are_no_versions(tag: str) -> None:
    assert CalVer.parse(tag) is None


def test_the_day_goes_before_the_build() -> None:
    tags = ["v25.01.06.526", "v25.01.06.44", "v25.01.09.45", "v7.70", "1.3.0", "v25.01.06.527"]
    assert [str(version) for version in sorted(filter(None, map(CalVer.parse, tags)))] == [
        "25.01.06.44",
        "25.01.06.526",
        "25.01.06.527",
        "25.01.09.45",
    ]
    assert str(newest(tags)) == "25.01.09.45"
    assert newest(["v7.70"]) is None


def test_the_next_version_is_of_today_in_utc_and_counts_on() -> None:
    tags = ["v26.08.20.2205", "v26.08.21.2206", "1.0.0"]
    assert str(following(tags, datetime(2026, 8, 21, 21, 45, tzinfo=UTC))) == "26.08.21.2207"
    summer = timezone(timedelta(hours=1))
    assert str(following(tags, datetime(2026, 8, 22, 0, 30, tzinfo=summer))) == "26.08.21.2207"
    assert str(following(tags, datetime(2026, 8, 22, 1, 30, tzinfo=summer))) == "26.08.22.2207"
    assert str(following([], datetime(2026, 8, 22, tzinfo=UTC))) == "26.08.22.1"


@given(st.lists(versions), moments)
def test_the_next_version_is_newer_than_all_and_repeats_no_build(made: list[CalVer], now: datetime) -> None:
    version = following([each.tag for each in made] + ["v7.70"], now)
    assert all(version > each for each in made)
    assert version.build not in {each.build for each in made}
    assert version.day >= now.date()
