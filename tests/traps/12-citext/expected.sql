-- both logins are of the same person, in whatever case they were written
SELECT count(*) = 2 AND count(DISTINCT email) = 1 FROM person JOIN login USING (email);
-- each alias has become another, NULL has not
SELECT array_length(alias, 1) = 3 AND alias[3] IS NULL AND alias[1] <> 'Gwenllian' FROM person WHERE alias <> '{}';
