-- all bookings are there, none under the name
SELECT count(*) = 4 AND bool_and(name !~ 'Featherstone') FROM booking;
-- the constraint is
SELECT count(*) = 1 FROM pg_constraint WHERE contype = 'x' AND convalidated;
