//! What a mail server's answer means for the mail. Pure.

use crate::mail::text::clean;
use crate::mail::{Fate, SendError};

/// Where in the conversation it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reaching the server.
    Connect,
    /// TLS.
    Handshake,
    /// Its greeting and our EHLO.
    Greeting,
    /// STARTTLS.
    Starttls,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before any of the message.
    Data,
    /// The message and its final dot.
    Message,
}

/// How a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server said no.
    Reply {
        /// Three digits.
        code: u16,
        /// The rest of the answer.
        text: String,
    },
    /// It did not answer in time, or the connection broke.
    Broken(String),
    /// Nothing that the server or the network did: it will fail again until somebody mends it.
    Setup(String),
    /// This message or recipient can never be sent.
    Unsendable(String),
}

/// Enhanced status codes by which Exchange Online refuses the set-up and not the one mail, wherever in the conversation it does so.
const SETUP_CODES: [&str; 9] = ["5.7.3", "5.7.30", "5.7.57", "5.7.60", "5.7.64", "5.7.139", "5.7.708", "5.2.252", "5.7.14"];

/// Turns a failed step into what becomes of the mail.
pub fn judge(server: &str, step: Step, failure: &Failure) -> SendError {
    let fate = match failure {
        Failure::Setup(_) => Fate::Misconfigured,
        Failure::Unsendable(_) => Fate::Permanent,
        Failure::Broken(_) => Fate::Transient,
        Failure::Reply { code, text } => reply(step, *code, text),
    };
    let said = match failure {
        Failure::Reply { code, text } => format!("{server} {}: {code} {text}", refusal(step)),
        Failure::Broken(what) => format!("{server} {}: {what}", interruption(step)),
        Failure::Setup(what) | Failure::Unsendable(what) => format!("{server}: {what}"),
    };
    SendError {
        fate,
        answer: clean(&said, 600),
        // An answer after the final dot says that the server has not taken the message; silence says nothing.
        after_data: step == Step::Message && matches!(failure, Failure::Broken(_)),
    }
}

fn reply(step: Step, code: u16, text: &str) -> Fate {
    let enhanced = text.split_whitespace().next().unwrap_or_default();
    match (step, code) {
        (_, 400..500) => Fate::Transient,
        _ if SETUP_CODES.contains(&enhanced) => Fate::Misconfigured,
        (_, 530 | 534 | 535 | 538) => Fate::Misconfigured,
        (Step::Recipient, 550..555) if relaying(text) => Fate::Misconfigured,
        (Step::Recipient | Step::Data | Step::Message, 500..600) => Fate::Permanent,
        (Step::Connect | Step::Handshake | Step::Greeting | Step::Starttls | Step::Login | Step::Sender, 500..600) => {
            Fate::Misconfigured
        }
        _ => Fate::Transient,
    }
}

/// A server that does not relay for us refuses every recipient that is not its own.
fn relaying(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("relay") || text.contains("authentication required") || text.contains("not authenticated")
}

fn refusal(step: Step) -> &'static str {
    match step {
        Step::Connect | Step::Handshake | Step::Greeting => "does not want to talk to us",
        Step::Starttls => "refused STARTTLS",
        Step::Login => "refused the sign-in",
        Step::Sender => "refused the sender",
        Step::Recipient => "refused the recipient",
        Step::Data | Step::Message => "refused the message",
    }
}

fn interruption(step: Step) -> &'static str {
    match step {
        Step::Connect => "cannot be reached",
        Step::Handshake => "broke off during TLS",
        Step::Greeting => "did not greet us",
        Step::Starttls => "broke off at STARTTLS",
        Step::Login => "broke off during the sign-in",
        Step::Sender => "broke off at the sender",
        Step::Recipient => "broke off at the recipient",
        Step::Data => "broke off before the message",
        Step::Message => "broke off during the message, so nobody knows whether it took it",
    }
}

/// What an answer usually means and what to do, for those that are known for costing people an afternoon.
#[must_use]
pub fn hint(answer: &str) -> Option<&'static str> {
    let known = [
        (
            "5.7.139",
            "Exchange Online: SMTP sign-in by password is switched off for the tenant, the mailbox or by \
            security defaults. Use auth = \"xoauth2\" or kind = \"graph\".",
        ),
        ("5.7.30", "Exchange Online no longer takes passwords for SMTP. Use auth = \"xoauth2\" or kind = \"graph\"."),
        ("5.7.57", "Exchange Online wants a sign-in before a sender: set username and a password or auth = \"xoauth2\"."),
        (
            "5.7.60",
            "Exchange Online: the mailbox that signed in may not send as the address in mail.from. Grant it Send \
            As, or use its own address.",
        ),
        (
            "5.2.252",
            "Exchange Online: the mailbox that signed in may not send as the address in mail.from. Grant it Send \
            As, or use its own address.",
        ),
        (
            "5.7.3",
            "Exchange Online: wrong user name or password; with auth = \"xoauth2\", the application lacks SMTP.SendAsApp with admin \
            consent, its service principal in Exchange (New-ServicePrincipal, with the object id of the enterprise application), or \
            full access to the mailbox.",
        ),
        (
            "certificate is not accepted",
            "The server's certificate is not trusted here. For an authority of your own, set \
            ca_file.",
        ),
        (
            "relay",
            "The server does not deliver to other domains for us. Sign in, or let its administrator allow this \
            machine to relay.",
        ),
        (
            " 454 ",
            "TLS or the sign-in is not available for the moment. If it stays so, the server's own certificate or \
            directory is broken.",
        ),
        (" 535 ", "User name or password is wrong, or the server wants an application password."),
        (" 530 ", "The server wants TLS or a sign-in first: set username and password, and starttls = \"required\"."),
        (" 421 ", "The server closed the connection for the moment, often because of too many connections or mails."),
        (
            " 450 ",
            "Often greylisting: the server takes the mail when it is tried again some minutes later, which \
            EntraWatch does.",
        ),
    ];
    known.iter().find(|(sign, _)| answer.contains(sign)).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(step: Step, answer: &str) -> Fate {
        let (code, text) = answer.split_once(' ').unwrap();
        judge("mail.example.com:587", step, &Failure::Reply { code: code.parse().unwrap(), text: text.to_owned() }).fate
    }

    #[test]
    fn answers_decide_what_becomes_of_a_mail() {
        for (step, answer, expected) in [
            (Step::Greeting, "421 too many connections", Fate::Transient),
            (Step::Greeting, "554 no service for you", Fate::Misconfigured),
            (Step::Starttls, "454 TLS not available", Fate::Transient),
            (Step::Starttls, "502 not implemented", Fate::Misconfigured),
            (Step::Login, "535 5.7.8 bad credentials", Fate::Misconfigured),
            (Step::Login, "535 5.7.139 Authentication unsuccessful", Fate::Misconfigured),
            (Step::Login, "454 4.7.0 temporary failure", Fate::Transient),
            (Step::Sender, "451 try again", Fate::Transient),
            (Step::Sender, "530 5.7.0 must issue STARTTLS first", Fate::Misconfigured),
            (Step::Sender, "550 sender rejected", Fate::Misconfigured),
            (Step::Recipient, "450 4.2.0 greylisted", Fate::Transient),
            (Step::Recipient, "452 4.2.2 mailbox full", Fate::Transient),
            (Step::Recipient, "550 5.1.1 no such user", Fate::Permanent),
            (Step::Recipient, "550 relay not permitted", Fate::Misconfigured),
            (Step::Recipient, "554 5.7.1 <a@b>: Relay access denied", Fate::Misconfigured),
            (Step::Data, "451 try again", Fate::Transient),
            (Step::Message, "452 4.3.1 insufficient storage", Fate::Transient),
            (Step::Message, "552 5.3.4 message too big", Fate::Permanent),
            (Step::Message, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", Fate::Misconfigured),
            (Step::Message, "554 5.2.252 SendAsDenied", Fate::Misconfigured),
        ] {
            assert_eq!(fate(step, answer), expected, "{step:?} {answer}");
        }
    }

    #[test]
    fn only_silence_after_the_message_began_leaves_a_doubt() {
        let broken = Failure::Broken("connection reset".to_owned());
        let refused = Failure::Reply { code: 452, text: "full".to_owned() };
        assert!(judge("s", Step::Message, &broken).after_data);
        assert!(!judge("s", Step::Message, &refused).after_data);
        assert!(!judge("s", Step::Data, &broken).after_data);
        assert!(!judge("s", Step::Recipient, &broken).after_data);
    }

    #[test]
    fn answers_are_one_harmless_line() {
        let failure = Failure::Reply { code: 550, text: format!("no\r\n\u{202e}{}", "x".repeat(5_000)) };
        let answer = judge("mail.example.com:25", Step::Recipient, &failure).answer;
        assert!(answer.starts_with("mail.example.com:25 refused the recipient: 550 no xxx"), "{answer}");
        assert!(answer.chars().count() <= 600 && !answer.contains('\n'));
    }

    #[test]
    fn known_answers_come_with_a_hint() {
        assert!(
            hint("s refused the sign-in: 535 5.7.139 Authentication unsuccessful").is_some_and(|hint| hint.contains("xoauth2"))
        );
        assert!(hint("s refused the sign-in: 535 5.7.8 no").is_some_and(|hint| hint.contains("password is wrong")));
        assert!(hint("s refused the recipient: 550 5.1.1 no such user").is_none());
    }
}
