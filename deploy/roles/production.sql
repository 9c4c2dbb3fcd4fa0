-- The role that backs production up: it reads everything and writes nothing that is anybody's. As an administrator, in the database that
-- is backed up (a superuser, or on RDS the master user):
--
--   psql -v ON_ERROR_STOP=1 -d etna -f deploy/roles/production.sql
--   psql -d etna -c '\password etna_backup'     -- the same goes into ETNA_PRODUCTION_PASSWORD
--
-- Once more does no harm. Needs PostgreSQL 14 or newer.

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'etna_backup') THEN
        CREATE ROLE etna_backup;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO etna_backup', current_database());
END
$$;

-- A backup holds five sessions, `etna doctor` and a push that asks whether it is at production one more each.
ALTER ROLE etna_backup LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10;
GRANT pg_read_all_data TO etna_backup;

-- Where tables have row-level security, a superuser has to let it see all rows (a backup without them is refused):
-- ALTER ROLE etna_backup BYPASSRLS;

-- Before PostgreSQL 15 everybody may make tables in `public`, this role too, and `etna doctor --production` says so. It
-- is your application that may need that: grant it to whoever migrates, then take it from all others.
-- GRANT CREATE ON SCHEMA public TO etna_app;
-- REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- Everybody may make large objects, and one of them stops every strip. An application that needs them could not be
-- stripped anyhow. Where the administrator owns no system functions (RDS) this only warns, and anybody still may.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;

-- What keeps it from writing is that it has no privilege to. These keep its mistakes small: a backup takes off the
-- time-outs for itself where it has to.
ALTER ROLE etna_backup SET default_transaction_read_only = on;
ALTER ROLE etna_backup SET statement_timeout = '5min';
ALTER ROLE etna_backup SET lock_timeout = '30s';
ALTER ROLE etna_backup SET idle_in_transaction_session_timeout = '5min';

COMMIT;
