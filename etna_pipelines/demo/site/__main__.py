"""The site's manage.py: `python -m etna_pipelines.demo.site migrate`."""

import os
import sys


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "etna_pipelines.demo.site.settings"
    from django.core.management import execute_from_command_line

    execute_from_command_line(["python -m etna_pipelines.demo.site", *sys.argv[1:]])


if __name__ == "__main__":
    main()
