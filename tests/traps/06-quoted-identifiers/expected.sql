-- each is masked under its own name
SELECT "E Mail" LIKE '%@example.com' AND "ta	b" NOT LIKE 'Gwen%' AND "user" NOT LIKE 'Gwen%' AND "ŵ é" !~ 'Feather'
    FROM "My ""Schema"".x"."select";
-- the same name has the same pseudonym
SELECT "new
line" = "ŵ é" AND "ta	b" = "a.b" FROM "My ""Schema"".x"."select";
-- the others stay
SELECT ("per%cent", "back\slash", "$.a") = ('x', 'y', 'z') FROM "My ""Schema"".x"."select";
-- and the table in capitals is masked, too
SELECT "Name" !~ 'Gwenllian|Featherstone' AND "Id" = 1 FROM "UPPER";
