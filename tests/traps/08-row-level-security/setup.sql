-- Policies, even forced on the owner, must hide no row from the backup, and be there afterwards.
CREATE TABLE person (id int PRIMARY KEY, owner name DEFAULT current_user, email text);
INSERT INTO person (id, email) VALUES (1, 'gwen@bigcorp.org.uk'), (2, 'bob@bigcorp.org.uk');
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE person FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON person USING (false) WITH CHECK (false);
CREATE POLICY own ON person AS RESTRICTIVE FOR SELECT USING (owner = current_user);
