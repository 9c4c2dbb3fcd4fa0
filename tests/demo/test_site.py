"""Tests of etna_pipelines/demo/site: its models, its migrations and how it is started."""

from etna_pipelines.postgres.server import Database
from tests.demo.conftest import site


def test_the_migrations_say_what_the_models_say(production: Database) -> None:
    done = site(production, "makemigrations", "--check", "--dry-run", "journal")
    assert (done.returncode, done.stdout.strip()) == (0, "No changes detected in app 'journal'"), done.stderr


def test_nothing_of_django_is_loaded_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = (
        "import sys, etna_pipelines.demo.production, etna_pipelines.demo.redeploy; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'wagtail', 'faker'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
