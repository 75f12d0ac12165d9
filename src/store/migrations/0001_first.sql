-- Columns are TEXT and BIGINT (seconds since 1970) only: what SQLite and PostgreSQL agree on. A flag is a nullable instant.

-- Every commit of a tenant raises its version; the state (polls, digests) is JSON.
CREATE TABLE tenant (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL
);

-- One row a directory object, its credentials in the body (JSON), so that a poll writes only what changed.
CREATE TABLE object (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    changed_version BIGINT NOT NULL,
    missing_since BIGINT,
    gone_at BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

-- The outbox, and what became of its mails. claimed_at is database time, everything else policy time.
CREATE TABLE mail (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    recipient TEXT NOT NULL,
    batch TEXT NOT NULL,
    slot BIGINT,
    severity TEXT NOT NULL,
    items BIGINT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    first_decided_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    claimant TEXT,
    claimed_at BIGINT,
    maybe_taken_at BIGINT,
    answer TEXT,
    transport TEXT,
    settled_at BIGINT,
    handled_at BIGINT
);
CREATE INDEX mail_waiting ON mail (next_attempt_at) WHERE state IN ('pending', 'claimed');
CREATE INDEX mail_of_tenant ON mail (tenant, state, settled_at);
CREATE INDEX mail_by_age ON mail (created_at, id);

-- Who was told what: the memory that keeps anybody from hearing the same twice. Outlives its mail.
CREATE TABLE notice (
    tenant TEXT NOT NULL,
    mail TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    key_id TEXT NOT NULL,
    not_after BIGINT,
    posture TEXT NOT NULL,
    notice TEXT NOT NULL,
    threshold BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    severity TEXT NOT NULL,
    transport TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (mail, kind, object, key_id, posture, notice, threshold)
);
CREATE INDEX notice_of_tenant ON notice (tenant);

CREATE TABLE silence (
    id TEXT PRIMARY KEY,
    tenant TEXT,
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    until BIGINT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
