//! Words of the mail that `entrawatch mail test` sends.

/// Its subject.
pub const SUBJECT: &str = "EntraWatch: a test mail";

/// What it says.
pub const TEXT: &str = "\
This mail was asked for with `entrawatch mail test`. It says nothing about any credential.

That you read it means: EntraWatch can hand mails to this mail server, and the server delivers them to you. If it lay among the
unwanted mail, let the sender through, or the mails that matter will lie there too.
";
