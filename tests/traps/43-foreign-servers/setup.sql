-- A foreign server's options and a user mapping's password are no table's, and in every dump.
CREATE EXTENSION postgres_fdw;
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example.com');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'gwen', password 'Featherstone');
CREATE TABLE person (id int);
