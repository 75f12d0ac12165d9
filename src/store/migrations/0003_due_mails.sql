-- What is due, in the order in which it is claimed: without it each claim reads the whole outbox, messages too. It holds all that claiming
-- and counting look at. The expression is the one of the claim, letter by letter.
DROP INDEX mail_waiting;
CREATE INDEX mail_due ON mail (
    (CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END), next_attempt_at, id, state, claimed_at, first_decided_at
) WHERE state IN ('pending', 'claimed');
