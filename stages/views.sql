-- Views of the published tables for DuckDB, one a table, with no column that SQL reserves as a word:
-- "start" and "end" are text_start and text_end, "table" is table_name, "row" is rejected_row.
--
--   fliesstext views --tables DIR > views.sql      this file, with the folder of the tables filled in
--   duckdb -init views.sql
--
-- Without a value the variable `tables` means data/tables. All views read the one snapshot that CURRENT.json names
-- when this file runs; run it again for the next one. They last as long as the session.

SET VARIABLE tables = coalesce(getvariable('tables'), 'data/tables');
SET VARIABLE snapshot = (
    SELECT getvariable('tables') || '/' || json_extract_string(content, '$.snapshot')
    FROM read_text(getvariable('tables') || '/CURRENT.json')
);

CREATE OR REPLACE TEMP VIEW documents AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/documents/*.parquet');

CREATE OR REPLACE TEMP VIEW blocks AS
SELECT * RENAME ("start" AS text_start, "end" AS text_end)
FROM read_parquet(getvariable('snapshot') || '/blocks/*.parquet');

CREATE OR REPLACE TEMP VIEW sentences AS
SELECT * RENAME ("start" AS text_start, "end" AS text_end)
FROM read_parquet(getvariable('snapshot') || '/sentences/*.parquet');

CREATE OR REPLACE TEMP VIEW mentions AS
SELECT * RENAME ("start" AS text_start, "end" AS text_end)
FROM read_parquet(getvariable('snapshot') || '/mentions/*.parquet');

CREATE OR REPLACE TEMP VIEW clusters AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/clusters/*.parquet');

CREATE OR REPLACE TEMP VIEW repairs AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/repairs/*.parquet');

CREATE OR REPLACE TEMP VIEW raw_texts AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/raw_texts/*.parquet');

CREATE OR REPLACE TEMP VIEW duplicates AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/duplicates/*.parquet');

CREATE OR REPLACE TEMP VIEW entities AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/entities/*.parquet');

CREATE OR REPLACE TEMP VIEW sources AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/sources/*.parquet');

CREATE OR REPLACE TEMP VIEW quarantine AS
SELECT * RENAME ("table" AS table_name, "row" AS rejected_row)
FROM read_parquet(getvariable('snapshot') || '/quarantine/*.parquet');

CREATE OR REPLACE TEMP VIEW runs AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/runs/*.parquet');

CREATE OR REPLACE TEMP VIEW drift AS
SELECT * FROM read_parquet(getvariable('snapshot') || '/drift/*.parquet');
