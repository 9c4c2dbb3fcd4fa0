"""`encryption` in environments.yaml."""

from collections.abc import Callable
from pathlib import Path

import pytest

from etna_pipelines.errors import SettingsError
from etna_pipelines.settings import Settings, load
from etna_pipelines.stores.age_keys import Identity, Recipient
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.sealed import SealedStore
from tests.stores.test_age_keys import PUBLIC, SECRET

OTHER = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"

Load = Callable[[str], Settings]


@pytest.fixture
def load_text(fresh: Path) -> Load:
    def load_text(text: str) -> Settings:
        (fresh / "environments.yaml").write_text(text)
        return load()

    return load_text


def test_recipients_stand_there_or_in_files_beside_it(fresh: Path, load_text: Load) -> None:
    ours, other = Recipient.parse(PUBLIC), Recipient.parse(OTHER)
    (fresh / "team.txt").write_text(f"# the team\n{OTHER}\n\n{PUBLIC}\n")

    encryption = load_text(f"encryption: {{full: [{PUBLIC}], stripped: [team.txt]}}").encryption
    assert (encryption.full, encryption.stripped) == ((ours,), (other, ours))
    encryption = load_text(f"encryption: {{full: {PUBLIC}, stripped: {OTHER}}}").encryption
    assert (encryption.full, encryption.stripped) == ((ours,), (other, ours))
    encryption = load_text(f"encryption: {{full: [{PUBLIC}]}}").encryption
    assert (encryption.full, encryption.stripped) == ((ours,), ())


def test_what_is_encrypted_to_whom(load_text: Load) -> None:
    of = load_text(f"encryption: {{full: {PUBLIC}, stripped: {OTHER}}}").encryption.of
    assert [*map(len, map(of, ("full/1/archive/toc.dat", "full/1/strip-2/part-1", "stripped/1/archive/3.dat.gz")))] == [
        1,
        1,
        2,
    ]
    for key in ("full/1/manifest.json", "stripped/1/draft.json", "full/marks/1/verified-2.json", "pushes/test/1.json"):
        assert of(key) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("encryption: {stripped: [age1x]}", "`encryption` has no `full`; add it."),
        ("encryption: {full: []}", "`encryption.full` must name somebody who can open what is encrypted"),
        ("encryption: {full: 7}", "`encryption.full` must be a list"),
        (
            f"encryption:\n  full:\n  - {PUBLIC}\n  - {PUBLIC[:-1]}",
            "line 4: this is mistyped or cut off; copy the `age1",
        ),
        ("encryption: {full: age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5ne}", "this does not begin with `age1`"),
        ("encryption: {full: absent.txt}", "absent.txt is no file of recipients"),
        (f"encryption: {{full: {SECRET}}}", "this is an identity, which is secret; name its recipient"),
        (f"encryption: {{full: {SECRET.lower()}}}", "this is an identity, which is secret"),
        ("encryption: {full: empty.txt}", "empty.txt names nobody"),
        ("encryption: {full: wrong.txt}", "line 2 of .*wrong.txt does not begin with `age1`"),
    ],
)
def test_mistakes(fresh: Path, load_text: Load, text: str, says: str) -> None:
    (fresh / "empty.txt").write_text("# nobody\n")
    (fresh / "wrong.txt").write_text(f"{PUBLIC}\n{SECRET}\n")
    with pytest.raises(SettingsError, match=says) as caught:
        load_text(text)
    assert SECRET[20:40].lower() not in str(caught.value).lower()


def test_a_store_is_sealed_where_something_is_to_be_encrypted_or_opened(
    load_text: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(load_text("").open_store(), LocalStore)
    assert isinstance(load_text(f"encryption: {{full: {PUBLIC}}}").open_store(), SealedStore)
    monkeypatch.setenv("ETNA_AGE_IDENTITY", SECRET)
    assert isinstance(load_text("").open_store(), SealedStore)
    monkeypatch.setenv("ETNA_AGE_IDENTITY", SECRET[:-1])
    with pytest.raises(SettingsError, match="ETNA_AGE_IDENTITY holds an identity that is mistyped"):
        load_text("").open_store()


def test_a_night_that_could_not_read_what_it_wrote_is_refused(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load_text("").refuse_unreadable()
    encrypted = load_text(f"encryption: {{full: {PUBLIC}, stripped: {OTHER}}}")
    with pytest.raises(SettingsError, match=r"set ETNA_AGE_IDENTITY to the identity of one of `encryption\.full`\."):
        encrypted.refuse_unreadable()
    monkeypatch.setenv("ETNA_AGE_IDENTITY", SECRET)
    assert Identity.parse(SECRET).recipient in encrypted.encryption.full
    load().refuse_unreadable()
