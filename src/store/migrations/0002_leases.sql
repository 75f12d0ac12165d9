-- Which process watches which tenant where several share one store. until is database time; a process that did not renew it is dead.

CREATE TABLE replica (
    id TEXT PRIMARY KEY,
    tenants TEXT NOT NULL,
    until BIGINT NOT NULL
);

-- Held for as long as its holder renews its row in replica.
CREATE TABLE lease (
    tenant TEXT PRIMARY KEY,
    holder TEXT NOT NULL
);
