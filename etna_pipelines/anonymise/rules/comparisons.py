"""Comparisons in conditions as PostgreSQL makes them: what Polars would compare otherwise is mended or refused."""

import json
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Literal, TypeAlias

import polars as pl

from etna_pipelines.anonymise.column_types import base_type, is_textual
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column, Table

Node: TypeAlias = object
"""A part of an expression, as Polars serialises it."""
Kind: TypeAlias = Literal["", "folded", "enum", "opaque"]

_COMPARED = re.compile(
    r"""(?:boolean|smallint|integer|bigint|oid|numeric(?:\(.*\))?|real|double precision|date|timestamp.*|"char")"""
)
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
_TODAY = re.compile(r"\b(?:current_date|current_time|current_timestamp|localtime|localtimestamp)\b|\bnow\s*\(", re.I)
_PATTERN = re.compile(r"""(?:\bI?LIKE|~~\*?)[\s(]*'((?:[^']|'')*)'|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.I)
_ORDERS = ("Lt", "LtEq", "Gt", "GtEq")
_ENUM = "compares the order of an enum's labels: name the labels that you mean, with IN ('a', 'b')"
_EQUALS = ("Eq", "NotEq", "EqValidity", "NotEqValidity")


def as_in_postgresql(text: str, expression: pl.Expr, table: Table) -> pl.Expr:
    """The expression of a condition, comparing citext and UUIDs without case. Raises RulesError, without a place."""
    if _TODAY.search(_QUOTED.sub("''", text)):
        raise RulesError(f"`{text}` depends on the day of the strip: write a date, such as DATE '2026-01-31'")
    if any("\\" in (pattern[1] or "") for pattern in _PATTERN.finditer(text)):
        raise RulesError(f"`{text}` has a backslash in a LIKE pattern: use a regular expression, such as `~ '^a_'`")
    tree = json.loads(expression.meta.serialize(format="json"))
    columns = {column.name: column for column in table.columns}
    for why in _misuses(tree, columns):
        raise RulesError(f"`{text}` {why}")
    folded = _folded(tree, columns)
    return expression if folded == tree else pl.Expr.deserialize(StringIO(json.dumps(folded)), format="json")


def _misuses(node: Node, columns: Mapping[str, Column]) -> Iterator[str]:
    match node:
        case {"Function": {"function": {"Boolean": "IsNull" | "IsNotNull"}, "input": [{"Column": _}]}}:
            return
        case {"Cast": {"expr": {"Column": name}, "dtype": {"Literal": "String"}}} if base_type(columns[name]) != "inet":
            return
        case {"Column": name} if _kind(node, columns) == "opaque":
            type_ = base_type(columns[name])
            fits = "IS NULL" if type_ == "inet" else f"IS NULL, or {name}::text as a text"
            yield f"compares `{name}`, and {type_} is not compared here as PostgreSQL does: use {fits}"
        case {"BinaryExpr": {"left": left, "op": op, "right": right}} if op in _ORDERS and "enum" in (
            _kind(left, columns),
            _kind(right, columns),
        ):
            yield _ENUM
        case {"Function": {"function": {"Sql": {"IsIn": _}}, "input": [value, *_]}} if (
            _kind(value, columns) == "folded"
        ):
            yield "looks for a value in a list without case: say `lower(a::text) IN ('a', 'b')`, in lower case"
        case {"Function": {"function": "MaxHorizontal" | "MinHorizontal"}} if _kind(node, columns) == "enum":
            yield _ENUM
    for child in _children(node):
        yield from _misuses(child, columns)


def _folded(node: Node, columns: Mapping[str, Column]) -> Node:
    """The same with both sides of each comparison of citext or UUIDs in lower case."""
    if isinstance(node, list):
        return [_folded(each, columns) for each in node]
    if not isinstance(node, dict) or "Literal" in node:
        return node
    mended = {name: _folded(value, columns) for name, value in node.items()}
    match mended:
        case {"BinaryExpr": {"left": left, "op": op, "right": right}} if op in _EQUALS + _ORDERS:
            if _fold(left, right, columns) or _fold(right, left, columns):
                return {"BinaryExpr": {"left": _lower(left), "op": op, "right": _lower(right)}}
        case {"Function": {"function": {"StringExpr": searches}, "input": [value, pattern]}} if (
            _kind(value, columns) == "folded"
        ):
            function = {"StringExpr": searches}
            match searches, pattern:
                case {"Contains": {"literal": False}}, {"Literal": {"Scalar": {"String": regex}}}:
                    again = [value, {"Literal": {"Scalar": {"String": f"(?i){regex}"}}}]
                    return {"Function": {"input": again, "function": function}}
                case (("StartsWith" | "EndsWith" | {"Contains": _}), _):
                    return {"Function": {"input": [_lower(value), _lower(pattern)], "function": function}}
    return mended


def _fold(one: Node, other: Node, columns: Mapping[str, Column]) -> bool:
    """citext beside a column of type text is compared as text."""
    is_literal = isinstance(other, dict) and "Literal" in other
    return _kind(one, columns) == "folded" and (is_literal or _kind(other, columns) == "folded")


def _lower(node: Node) -> Node:
    return {"Function": {"input": [node], "function": {"StringExpr": "Lowercase"}}}


def _kind(node: Node, columns: Mapping[str, Column]) -> Kind:
    """How values of a part are compared; "" is for what Polars compares as PostgreSQL does."""
    match node:
        case {"Column": name}:
            return _kind_of(columns[name])
        case {"Ternary": {"truthy": one, "falsy": other}}:
            parts = [one, other]
        case {"Function": {"function": "Coalesce" | "MaxHorizontal" | "MinHorizontal", "input": inputs}}:
            parts = inputs
        case _:
            return ""
    return next((kind for part in parts if (kind := _kind(part, columns))), "")


def _kind_of(column: Column) -> Kind:
    type_ = base_type(column)
    if type_ == "uuid" or type_.rpartition(".")[2] == "citext":
        return "folded"
    if column.labels:
        return "enum"
    return "" if is_textual(column) or _COMPARED.fullmatch(type_) else "opaque"


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, dict) and "Literal" not in node:
        yield from node.values()
    elif isinstance(node, list):
        yield from node
