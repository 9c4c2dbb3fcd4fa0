-- every byte came through
SELECT length(body) = 300000600 AND right(body, 6) = 'words ' AND name LIKE '%@example.com' FROM file WHERE id = 2;
-- and in the document the one value changed
SELECT length(body->>'body') = 19800000 AND body->>'by' LIKE '%@example.com' FROM document;
