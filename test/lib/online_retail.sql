-- Builds one event per invoice from the Online Retail CSV and writes them as COPY text.
--   psql -v csv=/path/file.csv -v out=/path/events.tsv -f online_retail.sql
-- The events are in the order of the file, in which they happened: credit notes among sales.
-- Reads and writes through psql, so that the server needs no access to the files. ts is the earliest
-- InvoiceDate taken as UTC, store_id the country; empty customers and descriptions are left out.
\encoding UTF8
SET client_min_messages = warning;
CREATE TEMP TABLE raw_lines (
    invoice text, stock_code text, description text, quantity numeric, invoice_date timestamp,
    unit_price numeric, customer_id text, country text, line bigint GENERATED ALWAYS AS IDENTITY);
\set load '\\copy raw_lines (invoice, stock_code, description, quantity, invoice_date, unit_price, customer_id, country) FROM ' :'csv' ' CSV HEADER'
:load
CREATE TEMP TABLE events AS
SELECT min(line) AS first_line, jsonb_strip_nulls(jsonb_build_object(
    'transaction_id', invoice,
    'store_id', min(country),
    'ts', to_char(min(invoice_date), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'customer_id', regexp_replace(min(customer_id), '\.0$', ''),
    'total_amount', sum(quantity * unit_price),
    'items', jsonb_agg(jsonb_build_object(
        'product_id', stock_code, 'product_name', description, 'qty', quantity,
        'unit_price', unit_price, 'line_amount', quantity * unit_price) ORDER BY line))) AS event
FROM raw_lines GROUP BY invoice;
\set save '\\copy (SELECT ''transaction.v1'', ''online_retail'', event FROM events ORDER BY first_line) TO ' :'out'
:save
