-- Enums take their labels alone; arrays of them, and of text, have dimensions and bounds.
CREATE TYPE mood AS ENUM ('so so', 'happy, mostly', 'sad "really"', '');
CREATE TABLE person (id int, mood mood, moods mood[], names text[], ages int[]);
INSERT INTO person VALUES
    (1, 'sad "really"', '{"so so","sad \"really\"",NULL}', '[2:3]={"Gwenllian Featherstone","NULL"}', '{{1,2},{3,NULL}}'),
    (2, '', '{}', '{}', NULL),
    (3, NULL, NULL, '{{"Bob Featherstone","\"q\\"},{"",NULL}}', '{}');
