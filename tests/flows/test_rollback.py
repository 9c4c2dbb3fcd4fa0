"""`etna rollback development` in a terminal: what was served before is served again, and once more takes it back."""

from tests.flows.checkout import Checkout


def test_rollback_and_back(demo_checkout: Checkout) -> None:
    newest = demo_checkout.serving()
    before = demo_checkout.records()
    previous = before[-2].push.snapshot
    assert newest == before[-1].push.snapshot
    assert newest and previous and newest != previous
    assert _status(demo_checkout) == newest

    back = demo_checkout.etna("rollback", "development")

    assert (back.returncode, back.stderr) == (0, "")
    assert f"development serves the stripped snapshot {previous} again." in back.stdout
    assert demo_checkout.serving() == _status(demo_checkout) == previous
    record = demo_checkout.records()[-1]
    assert (record.push.action, record.push.snapshot) == ("rollback", previous)
    assert demo_checkout.released()["push"] == record.push.id

    forth = demo_checkout.etna("rollback", "development")

    assert (forth.returncode, forth.stderr) == (0, "")
    assert demo_checkout.serving() == _status(demo_checkout) == newest
    assert len(demo_checkout.records()) == len(before) + 2


def test_production_is_never_rolled_back(demo_checkout: Checkout) -> None:
    refused = demo_checkout.etna("rollback", "production")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("production is where data comes from")


def _status(checkout: Checkout) -> str:
    """The snapshot that `etna status` names for development, which has a release running on it."""
    done = checkout.etna("status")
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("development")]
    assert f" {checkout.released()['version']} " in f"{line} "
    return line.split()[2]
