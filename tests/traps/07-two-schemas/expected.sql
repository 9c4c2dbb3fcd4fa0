-- one has a pseudonym
SELECT name !~ 'Gwenllian|Featherstone|x' FROM public.person;
-- the other is redacted
SELECT name = 'xxxxxxxxx xxxxxxxxxxxx' FROM archive.person;
-- the third is there and empty
SELECT count(*) = 0 FROM hr.person;
