"""What people may ask a subset to be."""

import pytest

from etna_pipelines.errors import SettingsError, SubsetError
from etna_pipelines.settings_file import SettingsFile
from etna_pipelines.snapshots.subset_spec import Subset, chosen
from etna_pipelines.yaml_file import YamlFile


def test_it_is_read_as_it_is_written() -> None:
    subset = Subset.parse(" blog_page = 5%,auth_user=100, archive.letters=0.5%", "both")
    assert subset.roots == {"archive.letters": "0.5%", "public.auth_user": "100", "public.blog_page": "5%"}
    assert subset.follow == "both"
    assert Subset.parse(str(subset), "both") == subset


def test_equal_subsets_of_a_snapshot_have_one_digest() -> None:
    asked = Subset.parse("a=1, b=2%")
    assert asked.digest("x") == Subset.parse("public.b=2%, a=1").digest("x")
    others = [asked.digest("y"), Subset.parse("a=1, b=2").digest("x"), Subset.parse("a=1, b=2%", "both").digest("x")]
    assert len({asked.digest("x"), *others}) == 4


@pytest.mark.parametrize(
    ("amount", "rows", "count"),
    [("100", 1000, 100), ("100", 7, 7), ("5%", 1000, 50), ("7%", 100, 7), ("0.1%", 10, 1), ("100%", 3, 3)],
)
def test_how_many_rows_an_amount_is(amount: str, rows: int, count: int) -> None:
    assert chosen(amount, rows) == count


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", "`` is no part of a subset: write `auth_user=100, blog_page=5%`"),
        ("auth_user", "`auth_user` is no part of a subset"),
        ("auth_user=many", "`auth_user` of the subset must be a number of rows such as `100`, or a share such as `5%`"),
        ("auth_user=-1", "`auth_user` of the subset must be a number of rows"),
        ("auth_user=0", "`auth_user` of the subset must be at least one row; leave it out"),
        ("auth_user=0%", "must be a share of more than 0% and at most 100%"),
        ("auth_user=101%", "must be a share of more than 0% and at most 100%"),
        ("auth_user=1, public.auth_user=2", "The subset says `public.auth_user` twice; keep one of them"),
    ],
)
def test_what_it_can_not_be(said: str, problem: str) -> None:
    with pytest.raises(SubsetError, match=problem):
        Subset.parse(said)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("{roots: {a: 100, b: 5%}, follow: both, children: 3}", None),
        ("{roots: {a: 200%}}", "line 2: `local.subset.roots.a` must be a share of more than 0% and at most 100%"),
        ("{roots: {a: yes}}", "line 2: `local.subset.roots.a` must be a number of rows such as `100`, or a share"),
        ("{roots: {a: 1, public.a: 2}}", "line 2: `local.subset.roots` says `public.a` twice"),
        ("{follow: both}", "line 2: `local.subset` has no `roots`; add it"),
        ("{roots: {a: 1}, folow: both}", "`folow` is not a setting of `local.subset`; did you mean `follow`"),
        ("{roots: {a: 1}}\n  snapshot: full", "must be `stripped`"),
    ],
)
def test_an_environment_has_one_in_its_settings(said: str, problem: str | None) -> None:
    file = YamlFile.parse(f"local:\n  subset: {said}\n", "environments.yaml", SettingsError)
    if problem is None:
        section = file.validate(SettingsFile).local
        assert section and section.subset == Subset(roots={"b": "5%", "a": "100"}, follow="both", children=3)
    else:
        with pytest.raises(SettingsError, match=problem):
            file.validate(SettingsFile)


def test_staging_has_one_only_of_stripped_snapshots() -> None:
    file = YamlFile.parse("staging: {subset: {roots: {a: 1}}}", "environments.yaml", SettingsError)
    with pytest.raises(SettingsError, match="`staging` has a `subset`, which is made of stripped snapshots: say"):
        file.validate(SettingsFile)
