from pathlib import Path

from etna_pipelines.anonymise.help.advice import Advised, TableAdvice
from etna_pipelines.anonymise.help.rule_lines import as_rules, summary
from etna_pipelines.anonymise.rules.rules import load
from tests.anonymise.nights import table

ADVICE = [
    TableAdvice(
        table("person", "email", "yes", "a: b # c"),
        None,
        {
            "email": Advised("email", True, "90 % of 10 sampled values are e-mail addresses"),
            "yes": Advised("null", True, "a name\nwith a line"),
            "a: b # c": Advised("keep", True, "bytes can be anything"),
        },
    ),
    TableAdvice(table("web_session", "key"), "its name says that it holds sessions"),
]


def test_the_lines_are_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(as_rules(ADVICE))

    rules = load(path)

    assert [str(rule.spec) for name in ADVICE[0].columns if (rule := rules.for_column("public.person", name))] == [
        "email",
        "null",
        "keep",
    ]
    assert rules.data("public.web_session") == "empty"


def test_each_line_says_why() -> None:
    assert as_rules(ADVICE).splitlines()[3:6] == [
        "      email: email  # 90 % of 10 sampled values are e-mail addresses",
        "      'yes': null  # a name with a line",
        "      'a: b # c': keep  # bytes can be anything; no mask fits: empty the table, or keep it and say why",
    ]


def test_nothing_to_advise(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(as_rules([]))

    assert load(tmp_path / "rules.yaml").tables == []
    assert summary([]) == "Every column has a rule."
    assert summary(ADVICE) == "3 of 3 columns may hold personal data; 1 tables had better be empty."
