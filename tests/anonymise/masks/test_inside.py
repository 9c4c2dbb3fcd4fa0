from dataclasses import replace

import pytest

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.masks import MaskSpec, misfit, parse
from etna_pipelines.anonymise.masks.inside import Inside, within
from etna_pipelines.anonymise.masks.kind import Mask
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError, ValueMalformed
from etna_pipelines.postgres.server import Database
from tests.anonymise.masks.masking import Block, column_of, made, masked


def spec_of(mask: str, **paths: str) -> MaskSpec:
    return replace(parse(mask), paths=tuple((path, parse(part)) for path, part in paths.items()))


def rewritten(mask: MaskSpec | Mask, type_: str, *texts: str | None) -> list[str | None]:
    values = Values.of(texts)
    apply = made(mask, column_of(type_)) if isinstance(mask, MaskSpec) else mask
    return apply(values, Block(values)).to_list()


def pseudonym(mask: str, value: str, type_: str = "text") -> str:
    [made_of_it] = masked(mask, [value], type_)
    assert made_of_it
    return made_of_it


JANE, ANN = pseudonym("email", "jane@bigcorp.com"), pseudonym("fake(name)", "Ann Lee")


def test_values_inside_become_what_they_become_in_columns_of_their_own() -> None:
    spec = spec_of("keep", **{"$.contact.email": "email", "$.people[*].name": "fake(name)"})
    before = '{"contact": {"email": "jane@bigcorp.com"},  "people": [{"name":"Ann Lee"}, {"name":null}], "n": 1.10}'
    after = before.replace("jane@bigcorp.com", JANE).replace("Ann Lee", ANN)
    assert rewritten(spec, "json", before, None, "{}") == [after, None, "{}"]


def test_json_in_strings_of_json_at_any_depth() -> None:
    spec = spec_of("keep", **{"$.body[*].value.by": 'set(a "b"\\c)', "$..email": "email"})
    before = (
        r'{"body": "[{\"value\": {\"by\": \"\\u00e9\", \"more\": \"{\\\"email\\\": \\\"jane@bigcorp.com\\\"}\"}}]"}'
    )
    after = before.replace(r"\\u00e9", r"a \\\"b\\\"\\\\c").replace("jane@bigcorp.com", JANE)
    assert rewritten(spec, "jsonb", before) == [after]


def test_what_a_path_names_may_be_anything() -> None:
    names_whole = spec_of("keep", **{"$.a": "null", "$.b": 'set({"x": []})', "$.c": "set(3)", "$.d": "keep"})
    assert rewritten(names_whole, "json", '{"a": {"x": 1}, "b": [1], "c": 4, "d": [{}]}', '{"c": "4", "a": null}') == [
        '{"a": null, "b": {"x": []}, "c": 3, "d": [{}]}',
        '{"c": "3", "a": null}',
    ]
    every_value = spec_of("keep", **{"$.a": "email", "$.a[*].kept": "keep"})
    assert rewritten(
        every_value, "json", '{"a": ["jane@bigcorp.com", {"kept": "x", "n": null}, "[\\"JANE@bigcorp.com\\"]"]}'
    ) == [f'{{"a": ["{JANE}", {{"kept": "x", "n": null}}, "[\\"{JANE}\\"]"]}}']


def test_keys_that_are_personal() -> None:
    spec = spec_of("keep", **{"$.by_email.*~": "email", "$.by_email.*": "fake(name)"})
    assert rewritten(spec, "jsonb", r'{"by_email": {"jane\u0040bigcorp.com": "Ann Lee"}, "other": {"k": "v"}}') == [
        f'{{"by_email": {{"{JANE}": "{ANN}"}}, "other": {{"k": "v"}}}}'
    ]


def test_numbers_and_dates_stay_what_they_are() -> None:
    spec = spec_of("keep", **{"$.pay": "round(10)", "$.born": "round(year)", "$.big": "noise(1%)", "$.id": "token"})
    [text] = rewritten(
        spec, "jsonb", '{"pay": 1234.50, "born": "1980-05-06T07:08:09Z", "big": 12345678901234567890.10, "id": 77}'
    )
    assert str(text).startswith('{"pay": 1230, "born": "1980-01-01T00:00:00Z", "big": 12')
    assert f'"id": {pseudonym("token", "77", "bigint")}}}' in str(text)
    assert rewritten(spec, "jsonb", '{"pay": "1234.50", "born": null}') == ['{"pay": "1230", "born": null}']
    for text, what in [('{"pay": "much"}', "a text"), ('{"born": 1980}', "a number"), ('{"pay": true}', "a text")]:
        with pytest.raises(ValueMalformed, match=f"holds {what} where") as refused:
            rewritten(spec, "jsonb", "{}", text)
        assert refused.value.position == 1


def test_everything_else_is_scrubbed_and_what_paths_name_is_not() -> None:
    spec = spec_of("scrub", **{"$.contact": "keep", "$.people[*]": "set(nobody)", "$.reply": "fake(company)"})
    before = (
        '{"contact": "jane@bigcorp.com", "note": "from jane@bigcorp.com", "people": ["jane@bigcorp.com"], '
        '"n": [12345678901234567890, 1e400], "reply": "jane@bigcorp.com"}'
    )
    company = pseudonym("fake(company)", "jane@bigcorp.com")
    assert rewritten(spec, "json", before) == [
        f'{{"contact": "jane@bigcorp.com", "note": "from {JANE}", "people": ["nobody"], '
        f'"n": [12345678901234567890, 1e400], "reply": "{company}"}}'
    ]


def test_where_scrub_changes_a_key_that_a_path_names_nothing_is_lost() -> None:
    spec = spec_of("scrub", **{'$["jane@bigcorp.com"]': "fake(name)"})
    assert rewritten(spec, "json", '{"jane@bigcorp.com": "Ann Lee"}') == [f'{{"{JANE}": "{ANN}"}}']


def test_the_columns_own_mask_is_for_every_value_that_no_path_names() -> None:
    assert rewritten(spec_of("null", **{"$.id": "keep"}), "jsonb", '{"id": 7, "who": {"name": "Ann"}, "n": "[1]"}') == [
        '{"id": 7, "who": null, "n": null}'
    ]
    assert rewritten(parse("each(fake(name))"), "jsonb", '{"a": "Ann Lee", "b": ["Ann Lee", null]}') == [
        f'{{"a": "{ANN}", "b": ["{ANN}", null]}}'
    ]


def test_texts_that_hold_json_now_and_then() -> None:
    spec = spec_of("fake(name)", **{"$.n": "keep"})
    assert rewritten(spec, "text", "Ann Lee", ' {"n": 1, "by": "Ann Lee"}', None, "", "[1", "12", '"x"')[:4] == [
        ANN, f' {{"n": 1, "by": "{ANN}"}}', None, "",
    ]  # fmt: skip
    spec = spec_of("scrub", **{"$.n": "keep"})
    assert rewritten(spec, "text", "to jane@bigcorp.com", '{"n":"jane@bigcorp.com"}') == [
        f"to {JANE}", '{"n":"jane@bigcorp.com"}',
    ]  # fmt: skip


def test_arrays() -> None:
    apply = made("each(fake(name))", column_of("text[]"))
    assert rewritten(
        apply, "text[]", "{}", '{"Ann Lee",NULL,"NULL",""}', '[2:3]={"Ann Lee",x}', '{{"Ann Lee"},{NULL}}'
    )[:2] == ["{}", f'{{"{ANN}",NULL,"{pseudonym("fake(name)", "NULL")}",""}}']
    assert rewritten(spec_of("keep", **{"$[1]": 'set(a"b\\)'}), "text[]", r'{x,"\"y\\",z}') == [r'{x,"a\"b\\",z}']
    assert rewritten(spec_of("keep", **{"$[*].by": "email"}), "jsonb[]", r'{"{\"by\": \"jane@bigcorp.com\"}",7}') == [
        rf'{{"{{\"by\": \"{JANE}\"}}",7}}'
    ]
    assert rewritten(parse("each(round(10))"), "integer[]", "[0:1]={17,NULL}") == ['[0:1]={"10",NULL}']


def test_hstore() -> None:
    assert rewritten(parse("each(email)"), "hstore", "", r'"a\"b"=>"jane@bigcorp.com", "c"=>NULL') == [
        "", rf'"a\"b"=>"{JANE}", "c"=>NULL',
    ]  # fmt: skip
    spec = spec_of("keep", **{'$["a\\"b"]': "set(x\\y)", "$.*~": "hash"})
    names = pseudonym("hash", 'a"b'), pseudonym("hash", "c")
    assert rewritten(spec, "hstore", r'"a\"b"=>"1", "c"=>"2"') == [rf'"{names[0]}"=>"x\\y", "{names[1]}"=>"2"']


def test_rows_of_composite_types() -> None:
    spec = spec_of("keep", **{"$[1]": "email", "$[2]": 'set(a"b\\, c)'})
    assert rewritten(spec_of("keep", **{"$[0]": "round(10)"}), "address", "(17,x)") == ['("10",x)']
    assert rewritten(spec, "address", '("1 High St, ""A""",jane@bigcorp.com,)', "(,,)") == [
        rf'("1 High St, ""A""","{JANE}","a""b\\, c")',
        r'(,,"a""b\\, c")',
    ]


@pytest.mark.parametrize(
    ("type_", "text", "what"),
    [
        ("json", "{", "is not JSON"),
        ("jsonb", "", "is not JSON"),
        ("text[]", "{a", "is not an array"),
        ("text[]", 'a{"b"}', "is not an array"),
        ("hstore", '"a"=>', "is not an hstore"),
        ("address", "(1,", "is not a row"),
    ],
)
def test_what_is_malformed_is_told_with_its_position(type_: str, text: str, what: str) -> None:
    spec = spec_of("keep", **{"$[*]": "set(1)"})
    with pytest.raises(ValueMalformed, match=what) as refused:
        rewritten(spec, type_, None, text)
    assert refused.value.position == 1


def test_a_document_that_would_become_too_long_is_told() -> None:
    spec = spec_of("fake(name)", **{"$.by": "email"})
    with pytest.raises(ValueMalformed, match="is longer than the column takes") as refused:
        rewritten(spec, "character varying(30)", "Ann Lee", '{"by": "jane@bigcorp.com"}')
    assert refused.value.position == 1


@pytest.mark.parametrize(
    ("spec", "type_", "why"),
    [
        (spec_of("scrub", **{"$.a": "email"}), "jsonb", None),
        (spec_of("scrub", **{"$.a": "shift(30)"}), "json", None),
        (spec_of("null", **{"$.a": "email"}), "text", None),
        (spec_of("keep", **{"$[*]": "fake(first)"}), "text[]", None),
        (spec_of("scrub", **{"$.a": "email"}), "bytea", "leads into a document and the column is bytea"),
        (spec_of("scrub", **{"a": "email"}), "jsonb", "`a` is not a path"),
        (spec_of("scrub", **{"$.a": "shuffle"}), "jsonb", "`$.a`: `shuffle` is for whole columns"),
        (spec_of("scrub", **{"$.*~": "fake(first)"}), "jsonb", "`$.*~`: `fake(first)` can make two keys one"),
        (spec_of("scrub", **{"$.*~": "null"}), "jsonb", "can make two keys one"),
        (spec_of("keep", **{"$[0]": "email"}), "integer[]", "`$[0]`: `email` makes text"),
        (spec_of("keep", **{"$[0].a": "email"}), "address", "fields of a composite type are named by their places"),
        (parse("each(email)"), "address", "fields of a composite type are named by their places"),
        (parse("each(email)"), "integer[]", "`email` makes text"),
        (parse("each(email)"), "character varying(20)[]", "`email` needs 28 characters"),
        (parse("scrub"), "character varying(20)[]", "longer than it may be: use each(scrub)"),
        (spec_of("scrub", **{"$[0]": "null"}), "character(9)[]", "use each(scrub)"),
        (parse("each(scrub)"), "character varying(20)[]", None),
        (parse("each(fake(first))"), "integer", "the column is integer"),
        (parse("each(fake(first))"), "text[]", None),
    ],
)
def test_whether_paths_and_each_fit_a_column(spec: MaskSpec, type_: str, why: str | None) -> None:
    found = misfit(spec, column_of(type_), unique=False)
    assert (found is None) == (why is None), found
    assert (why or "") in (found or "")


def test_each_scrub_cuts_each_element() -> None:
    [cut] = rewritten(parse("each(scrub)"), "character varying(20)[]", "{jane@bigcorp.com}")
    assert cut == f'{{"{JANE[:20]}"}}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("each(mail)", "`mail` is not a mask"),
        ("each(shuffle)", "is for whole columns"),
        ("each(each(email))", "whole"),
        ("each(keep)", "nothing: use keep"),
    ],
)
def test_each_takes_a_mask_for_single_values(text: str, why: str) -> None:
    with pytest.raises(RulesError, match=why):
        parse(text)


def test_masks_inside_a_mask_are_known() -> None:
    spec = spec_of("each(scrub)", **{"$.a": "shift(3, owner)"})
    assert [str(each) for each in within(spec)] == ["each(scrub)", "scrub", "shift(3, owner)"]
    apply = made(spec_of("scrub", **{"$.a": "email", "$.b": "fake(name)"}), column_of("jsonb"))
    assert isinstance(apply, Inside)
    seen = {
        kind: found.values.to_list() for kind, found in apply.identified(Values.of(['{"a": "j@x.co", "b": "Ann"}']))
    }
    assert seen == {"email": ["j@x.co"], "name": ["Ann"]}


def test_other_columns_are_read_at_the_row_of_the_document() -> None:
    spec = spec_of("keep", **{"$[*]": "copy(other)"})
    values, others = Values.of(['["a", "b"]', "[]", '["c"]']), Values.of(["x", "y", "z"])
    assert made(spec, column_of("json"))(values, Block(others)).to_list() == ['["x", "x"]', "[]", '["z"]']


LOADED = {
    "json": ['{"a": 1.10, "b": "é\\n\\"", "c": {"d": [null, true]}}', '"x"', "17", r'{"a": "\ud83d\ude00"}'],
    "jsonb": ['{"a": 1.10, "b": "é\\n\\"", "c": {"d": [null, true]}}', '"x"', "17"],
    "text[]": ['{a,"b \\"c\\\\",NULL,"NULL",""}', "[2:3]={x,y}", "{{a,b},{c,NULL}}", "{}"],
    "citext[]": ["{a,B}"],
    "hstore": ['"a"=>"1", "b c"=>NULL, "\\"q\\""=>""', ""],
    "address": ['(1,"High St, ""4""")', '(2,"back\\\\slash")', "(3,)"],
}


def test_what_is_made_inside_loads(database: Database) -> None:
    awkward = "set(a\"b\\c,d {e} (f)\n\té=>'g')"
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION hstore; CREATE EXTENSION citext")
        connection.execute("CREATE TYPE address AS (id int, street text)")
        for type_, texts in LOADED.items():
            path = "$[1]" if type_ == "address" else "$..*"
            for part in [awkward, "hash", "null"]:
                spec = spec_of("keep", **{path: part})
                assert masks.misfit(spec, column_of(type_), unique=False) is None
                rows = rewritten(spec, type_, *texts)
                connection.execute(f"CREATE TEMP TABLE t (v {type_})")
                connection.cursor().executemany("INSERT INTO t VALUES (%s)", [(text,) for text in rows])
                connection.execute("DROP TABLE t")
