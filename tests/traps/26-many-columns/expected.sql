-- the first, one in the middle and the last are right
SELECT bool_and(n1 = 1 AND b2 AND email3 LIKE '%@example.com' AND email597 = email3 AND email1599 IS NULL AND n1600 = 1600)
    AND count(*) = 20 FROM wide;
