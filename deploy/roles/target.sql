-- The roles of a server that snapshots are pushed to: staging's, development's, the feature environments'. As an
-- administrator, in any of its databases:
--
--   psql -v ON_ERROR_STOP=1 -d postgres -f deploy/roles/target.sql
--   psql -d postgres -c '\password etna_pusher'     -- the same goes into ETNA_DEVELOPMENT_PASSWORD, and so on
--
-- `etna_app` stands for the role that the application connects as and that owns its database: name yours here and as
-- `owner` in environments.yaml. A database that is there already must be its: ALTER DATABASE ... OWNER TO etna_app.
-- Once more does no harm. Give each server a password of its own.

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'etna_app') THEN
        CREATE ROLE etna_app LOGIN; -- without a password nobody can
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'etna_pusher') THEN
        CREATE ROLE etna_pusher;
    END IF;
END
$$;

-- CREATEDB makes the database beside the live one, and renames both.
ALTER ROLE etna_pusher LOGIN CREATEDB NOCREATEROLE;
-- What is restored belongs to etna_app and is restored as etna_app.
GRANT etna_app TO etna_pusher;
-- The swap ends the sessions on the live database, whoever's they are; a superuser's only a superuser may end.
GRANT pg_signal_backend TO etna_pusher;

COMMIT;
