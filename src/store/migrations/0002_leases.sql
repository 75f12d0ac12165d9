-- Which process watches which tenant where several share one store. All instants are database time.

CREATE TABLE replica (
    id TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL
);

-- A lease that ran out stays, so that everybody sees since when nobody watches the tenant. pinned_at: taken over the fair share
-- because nobody else wanted it.
CREATE TABLE lease (
    tenant TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL,
    pinned_at BIGINT
);
