-- 1,600 columns, the most there can be; every third of them personal.
DO $$ BEGIN
    EXECUTE 'CREATE TABLE wide (' || (
        SELECT string_agg(CASE i % 3 WHEN 0 THEN 'email' WHEN 1 THEN 'n' ELSE 'b' END || i ||
            CASE i % 3 WHEN 0 THEN ' text' WHEN 1 THEN ' smallint' ELSE ' boolean' END, ', ')
        FROM generate_series(1, 1600) i) || ')';
    EXECUTE 'INSERT INTO wide SELECT ' || (
        SELECT string_agg(CASE i % 3 WHEN 0 THEN CASE WHEN i < 600 THEN '''p@bigcorp.org.uk''' ELSE 'NULL' END
            WHEN 1 THEN i::text ELSE 'true' END, ', ')
        FROM generate_series(1, 1600) i) || ' FROM generate_series(1, 20)';
END $$;
