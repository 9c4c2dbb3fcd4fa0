-- pages and revisions still lead to one another
SELECT count(*) = 2 FROM page JOIN revision ON latest = revision.id AND page = page.id;
-- so do the masked slugs
SELECT count(*) = 2 AND bool_or(child.id = 3 AND parent.id = 3) FROM page child JOIN page parent ON child.parent = parent.slug;
-- all keys are valid, and late where they were
SELECT count(*) = 3 AND bool_and(convalidated) AND count(*) FILTER (WHERE condeferred) = 2
    FROM pg_constraint WHERE contype = 'f';
