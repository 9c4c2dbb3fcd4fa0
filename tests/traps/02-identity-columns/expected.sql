-- the numbers stay
SELECT array_agg(id ORDER BY id) = '{7,10}' FROM person;
-- the sequences go on
SELECT nextval(pg_get_serial_sequence('person', 'id')) = 13 AND nextval(pg_get_serial_sequence('visit', 'id')) = 3;
-- a uuid becomes another uuid
SELECT count(token) = 1 AND bool_or(token <> '6ecd8c99-4036-403d-bf84-cf8400f67836') FROM visit;
-- the default is written where it is asked for
SELECT bool_and(name = 'nobody') AND nextval('ticket_number_seq') = 3 FROM ticket;
