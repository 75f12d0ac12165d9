-- What was given up, and whether anything has arrived there since: asked once a minute. Without these each time reads all mails there ever were,
-- messages too, and once more for each that was given up.
CREATE INDEX mail_given_up ON mail (settled_at) WHERE state = 'dead';
CREATE INDEX mail_arrived ON mail (recipient, settled_at) WHERE state = 'sent';
