-- what is known of the table is known from the masked one
SELECT count(*) = 0 FROM pg_stats WHERE tablename = 'person' AND most_common_vals::text ~ 'Featherstone|Tregaron';
-- nor of two columns together
SELECT count(*) > 0 AND bool_and(items::text !~ 'Featherstone|Tregaron')
    FROM pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) AS items;
