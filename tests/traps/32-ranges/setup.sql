-- Ranges and multiranges, of dates and of a type of one's own.
CREATE TYPE span AS RANGE (subtype = text);
CREATE TABLE stay (id int, at daterange, of_all datemultirange, seen tstzrange, names span, ids int8range);
INSERT INTO stay VALUES
    (1, '[2020-01-31,2020-02-29]', '{[2020-01-01,2020-01-05),[2021-01-01,)}', '("2020-01-01 10:00:00+00",]',
        '["Featherstone, A","Gwenllian G")', '[1,9223372036854775807)'),
    (2, 'empty', '{}', '[-infinity,infinity]', 'empty', '(,)');
