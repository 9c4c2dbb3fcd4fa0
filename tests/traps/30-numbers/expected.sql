-- what is no number stays none
SELECT bool_and(exact = 'NaN' AND small = 'NaN' AND real = '-Infinity') FROM account WHERE id = 2;
-- noise keeps as many decimals
SELECT scale(exact) = 2 AND exact <> 12345678901234567890.10 FROM account WHERE id = 1;
-- tokens stay in the range of their type and apart
SELECT count(DISTINCT tiny) = 3 AND count(DISTINCT huge) = 3 AND bool_and(tiny IS DISTINCT FROM 32767) FROM account;
-- money is kept to the penny
SELECT array_agg(paid::numeric ORDER BY id) = '{12.50,-92233720368547758.08,0,NULL}' FROM account;
