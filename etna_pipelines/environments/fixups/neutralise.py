"""A full copy of production must not act as production: no sessions, no mail, no work that was queued there."""

from psycopg import sql

from etna_pipelines.environments.fixups.tables import Connection, Table, Tables

SESSIONS = ("django_session", "user_sessions_session", "usersessions_usersession", "wagtailadmin_editingsession")
QUEUES = (
    *("mailer_message", "mailqueue_mailermessage", "mailqueue_attachment"),  # django-mailer, django-mail-queue
    *("post_office_email", "post_office_log", "post_office_attachment_emails", "post_office_recipientdeliverystatus"),
    *("django_yubin_queuedmessage", "django_yubin_message", "django_yubin_log"),
    *("django_tasks_database_dbtaskresult", "django_q_ormq", "kombu_message"),  # tasks: mails too
    *("procrastinate_jobs", "procrastinate_events", "procrastinate_periodic_defers"),
)
SCHEDULED = ("django_celery_beat_periodictask",)
NOTIFIED = ("wagtailusers_userprofile", "wagtailcore_pagesubscription")


def sessions_and_queues(tables: Tables) -> list[Table]:
    """The tables to empty, of those that are there."""
    return [table for name in (*SESSIONS, *QUEUES) for table in tables.named(name)]


def silence(connection: Connection, tables: Tables) -> None:
    """Turn off what Wagtail's users asked to be told by mail, every boolean column `..._notifications`, and what
    celery-beat would begin by the clock."""
    for table in [table for name in SCHEDULED for table in tables.named(name)]:
        connection.execute(sql.SQL("UPDATE {} SET enabled = false").format(table.identifier))
    for table in [table for name in NOTIFIED for table in tables.named(name)]:
        columns = table.columns(connection).values()
        asked = [one.name for one in columns if one.category == "B" and one.name.endswith("_notifications")]
        if asked:
            off = sql.SQL(", ").join([sql.SQL("{} = false").format(sql.Identifier(name)) for name in asked])
            connection.execute(sql.SQL("UPDATE {} SET {}").format(table.identifier, off))
