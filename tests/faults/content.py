"""What a world is made of: production's rows, its rules, its fix-up, its redeploy, its secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from etna_pipelines.snapshots.manifest import Kind

PLANTED = ("Xylophonist", "planted-mail", "Tregaron Quay", "07700 900461")
"""In the rows of persons and notes: no output of any run may hold them."""
PASSWORD = "tr0ub4dor-planted"
KEYS = {"ETNA_MASKING_KEY": "5e" * 32, "ETNA_SIGNING_KEY": "a7" * 32}
SECRETS = (PASSWORD, *KEYS.values())

PRODUCTION = """
CREATE TABLE person (id int PRIMARY KEY, name text, email text UNIQUE);
CREATE TABLE note (id int PRIMARY KEY, person int REFERENCES person, body text);
CREATE TABLE page (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE attachment (id int PRIMARY KEY, data bytea);
CREATE TABLE spare (id int PRIMARY KEY);
INSERT INTO person
  SELECT i, 'Gwenllian Xylophonist ' || i, 'g' || i || '@planted-mail.org.uk' FROM generate_series(1, 50) i;
INSERT INTO note VALUES (1, 1, 'Ring Gwenllian Xylophonist 1 on 07700 900461, at Tregaron Quay');
INSERT INTO page SELECT i, 'Page ' || i FROM generate_series(1, 100) i;
"""
RULES = """\
tables:
  person: {keep: [id], columns: {name: fake(name), email: email}}
  note: {keep: [id, person], columns: {body: redact}}
  page: {keep: [id, title]}
  attachment: {keep: [id, data]}
  spare: {keep: [id]}
"""
FIX_UP = "CREATE TABLE fixed_up (push text);\n"
"""Twice it would fail: fix-ups are made once."""

DISK = 96
"""MiB of the file systems that a world's store and scratch are on."""

ENVIRONMENTS = ("development", "staging", "test_login")

DAGSTER = Path(__file__).parents[2] / "dagster.yaml"
LAST = {"nights": 1, "weeks": 0, "months": 0}


@dataclass(frozen=True)
class Serving:
    """What an environment's database holds: by its own word, and in fact."""

    push: str
    snapshot: str
    kind: Kind
    rows: Mapping[str, int]
