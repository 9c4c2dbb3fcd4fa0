-- bytea, bits, network addresses, geometry and OIDs, masked where they can name somebody, and else to the bit.
CREATE TABLE thing (
    id int, photo bytea, key bytea, flags bit(3), more bit varying(9), host inet, net cidr, card macaddr, place point,
    area box, route path, kind regclass, page pg_lsn, tid tid, code "char", boxes box[]
);
INSERT INTO thing VALUES
    (1, 'Gwenllian Featherstone'::bytea, '\x00ff5c4e', B'101', B'1', '8.8.8.8/24', '2a00:1450::/32', '08:00:2b:01:02:03',
        '(1.5,-2)', '(1,1),(0,0)', '[(0,0),(1,1)]', 'pg_class', '16/B374D848', '(0,1)', '\', '{(1,1),(0,0);(2,2),(1,1)}'),
    (2, '', NULL, NULL, '', '::1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '{}');
