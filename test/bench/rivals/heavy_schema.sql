-- The schema that such pipelines usually have: uuid keys, a foreign key, and indexes on whatever somebody once
-- searched by. The rows are ours.
CREATE SCHEMA heavy;
CREATE TABLE heavy.silver_transactions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    transaction_id  text NOT NULL UNIQUE,
    store_id        text NOT NULL,
    ts              timestamptz NOT NULL,
    date_key        int NOT NULL,
    total_amount    numeric(18, 4) NOT NULL,
    net_amount      numeric(18, 4),
    customer_id     text,
    payment_method  text,
    item_count      int NOT NULL,
    unique_products int NOT NULL,
    processed_at    timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    source_event_id bigint UNIQUE
);
CREATE INDEX ON heavy.silver_transactions (processed_at);
CREATE TABLE heavy.silver_line_items (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    transaction_id  text NOT NULL REFERENCES heavy.silver_transactions (transaction_id),
    line_sequence   int NOT NULL,
    product_id      text NOT NULL,
    product_name    text,
    brand_name      text,
    category        text,
    quantity        numeric(18, 4) NOT NULL,
    unit_price      numeric(18, 4) NOT NULL,
    line_amount     numeric(18, 4) NOT NULL,
    discount_amount numeric(18, 4) NOT NULL,
    product_key     bigint,
    updated_at      timestamptz NOT NULL,
    store_id        text NOT NULL,
    UNIQUE (transaction_id, line_sequence)
);
CREATE INDEX ON heavy.silver_line_items (product_id);
CREATE INDEX ON heavy.silver_line_items (product_key);
CREATE INDEX ON heavy.silver_line_items (updated_at);
