-- Names with spaces, quotes, dots, backslashes, tabs, newlines, capitals, and words that SQL has itself.
CREATE SCHEMA "My ""Schema"".x";
CREATE TABLE "My ""Schema"".x"."select" (
    "Id" int PRIMARY KEY, "E Mail" text UNIQUE, "ta	b" text, "new
line" text, "per%cent" text, "back\slash" text, "user" text, "ŵ é" text, "$.a" text, "a.b" text
);
INSERT INTO "My ""Schema"".x"."select" VALUES
    (1, 'gwen@bigcorp.org.uk', 'Gwenllian', 'Featherstone', 'x', 'y', 'Gwenllian', 'Featherstone', 'z', 'Gwenllian');
CREATE TABLE "UPPER" ("Id" int REFERENCES "My ""Schema"".x"."select", "Name" text);
INSERT INTO "UPPER" VALUES (1, 'Gwenllian Featherstone');
