-- A trigger must neither change what is loaded nor copy it elsewhere, be it enabled ALWAYS.
CREATE TABLE person (id int PRIMARY KEY, email text);
CREATE TABLE audit (at timestamptz DEFAULT now(), was text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.audit (was) VALUES (NEW.email); NEW.email := upper(NEW.email); RETURN NEW; END $$;
INSERT INTO person VALUES (1, 'gwen@bigcorp.org.uk');
CREATE TRIGGER noted BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE person ENABLE ALWAYS TRIGGER noted;
INSERT INTO person VALUES (2, 'bob@bigcorp.org.uk');
