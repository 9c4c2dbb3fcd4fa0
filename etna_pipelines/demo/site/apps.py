"""The site's one app of its own. Its label names its tables: journal_articlepage, journal_enquiry ..."""

# mypy: disable-error-code="misc"

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "etna_pipelines.demo.site"
    label = "journal"
    verbose_name = "Journal"
    default_auto_field = "django.db.models.BigAutoField"
