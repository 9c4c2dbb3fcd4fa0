-- Numbers without an end of digits, NaN and infinity; every digit of what stays, and room for what is made.
CREATE TABLE account (
    id int, exact numeric, small numeric(5, 2), fine numeric(3, 5), real real, twice double precision, paid money,
    tiny smallint, huge bigint
);
INSERT INTO account VALUES
    (1, 12345678901234567890.10, 999.99, 0.00999, 'NaN', 1.7976931348623157e308, 12.50, 32767, 9223372036854775807),
    (2, 'NaN', 'NaN', NULL, '-Infinity', -5e-324, '-92233720368547758.08', -32768, -9223372036854775808),
    (3, 'Infinity', -999.99, -0.00999, 1.1, 0.1, 0, 0, 0),
    (4, 1e-130, 0, 0, 0, '-0', NULL, NULL, NULL);
