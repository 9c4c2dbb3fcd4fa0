-- hstore: values, keys and NULLs, with quotes, arrows and backslashes in them.
CREATE EXTENSION hstore;
CREATE TABLE person (id int, facts hstore, contacts hstore, all_of_it hstore);
INSERT INTO person VALUES
    (1, hstore(ARRAY['name','age','q"\=>,'], ARRAY['Gwenllian Featherstone', NULL, 'x"\=>,']),
        '"gwen@bigcorp.org.uk"=>"friend", "bob@bigcorp.org.uk"=>NULL', '"a"=>"gwen@bigcorp.org.uk"'),
    (2, '', '', ''), (3, NULL, NULL, NULL);
