"""What a restored database needs before an environment can serve it."""

from etna_pipelines.environments.fixups.apply import fix_up

__all__ = ["fix_up"]
