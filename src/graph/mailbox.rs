//! A mailbox to send from: `POST /users/{id}/sendMail`, as MIME, within the limits of Exchange (FACTS 8).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::attempts::{Attempts, Patience};
use super::budget::Budget;
use super::client::{Ask, Payload};
use super::http::Reply;
use super::{Client, Error, token, wire};

/// Exchange refuses more requests than this at once for one mailbox.
const AT_ONCE: usize = 4;

/// Exchange takes no more messages from a mailbox in a minute; what is more, it makes wait for longer.
const PER_MINUTE: usize = 30;

/// What one mail may take, its wait for the limits included.
const WITHIN: Duration = Duration::from_mins(3);

/// A mailbox of a tenant.
#[derive(Debug)]
pub struct Mailbox {
    client: Client,
    sender: String,
    at_once: Semaphore,
    pace: Budget,
    /// Graph asked for patience until then.
    throttled_until: Mutex<Option<Instant>>,
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// It never left: no token, no connection, no time.
    Kept(Error),
    /// It left, and no answer came back: it may have been taken.
    Unanswered(Error),
    /// Graph asks for patience.
    Throttled(Duration),
    /// Graph does not take it.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Graph's code for it.
        code: Option<String>,
        /// What Graph says about it.
        message: Option<String>,
        /// For Microsoft's support.
        request_id: Option<String>,
    },
}

impl Mailbox {
    /// The mailbox with this user principal name or object id.
    #[must_use]
    pub fn new(client: Client, sender: &str) -> Self {
        Self {
            client,
            sender: sender.to_owned(),
            at_once: Semaphore::new(AT_ONCE),
            pace: Budget::new(Some(PER_MINUTE)),
            throttled_until: Mutex::default(),
        }
    }

    /// Whose mailbox it is.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// Hands over one message (RFC 5322). It is sent once: what may have been taken is not sent again here.
    pub async fn send(&self, message: &[u8]) -> Result<(), Unsent> {
        let mut patience = self.client.patience_of(WITHIN);
        let _turn = self.at_once.acquire().await.map_err(|_| Unsent::Kept(Error::OutOfTime))?;
        self.keep_pace(&mut patience).await?;
        let ask = self.ask(message).map_err(Unsent::Kept)?;
        let mut reply = None;
        // A token that was revoked is renewed once.
        for last in [false, true] {
            let token = self.client.tokens().get_within(self.client.scope(), &mut patience).await.map_err(Unsent::Kept)?;
            let answer = self.client.exchange(&ask, &token, &patience).await.map_err(unanswered)?;
            if matches!(answer.status, 401 | 403) {
                let claims = answer.header("www-authenticate").and_then(token::claims);
                self.client.tokens().drop_refused(self.client.scope(), &token, claims).await;
            }
            let again = answer.status == 401 && !last;
            reply = Some(answer);
            if !again {
                break;
            }
        }
        reply.map_or(Err(Unsent::Kept(Error::OutOfTime)), |reply| self.read(&reply))
    }

    fn read(&self, reply: &Reply) -> Result<(), Unsent> {
        let context = self.client.context();
        match (reply.status, Attempts::new(context, self.client.label()).retry_after(reply)) {
            (200..=299, _) => Ok(()),
            (429, wait) => Err(self.throttled(wait.unwrap_or(Duration::from_mins(1)))),
            (503, Some(wait)) => Err(self.throttled(wait)),
            (status, _) => {
                let said = wire::Complaint::read(&wire::repair(&reply.body));
                let request_id = said.request_id.or_else(|| reply.header("request-id").map(wire::printable));
                Err(Unsent::Refused { status, code: said.code, message: said.message, request_id })
            }
        }
    }

    fn throttled(&self, wait: Duration) -> Unsent {
        self.client.context().metrics.graph_throttled(self.client.label(), wait.as_secs_f64());
        *self.throttled_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(wait);
        Unsent::Throttled(wait)
    }

    /// Waits until the limits allow one more; gives up where that takes too long.
    async fn keep_pace(&self, patience: &mut Patience) -> Result<(), Unsent> {
        let now = Instant::now();
        let throttled = *self.throttled_until.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = throttled.map(|until| until.saturating_duration_since(now)).unwrap_or_default();
        if !asked.is_zero() && patience.left().is_some_and(|left| asked >= left) {
            return Err(Unsent::Throttled(asked));
        }
        let wait = self.pace.reserve(1, now + asked, patience.left()).ok_or(Unsent::Throttled(WITHIN))? + asked;
        if !wait.is_zero() {
            patience.spend(wait);
            self.client.context().sleeper.sleep(wait).await;
        }
        Ok(())
    }

    fn ask(&self, message: &[u8]) -> Result<Ask, Error> {
        let sender: String = url::form_urlencoded::byte_serialize(self.sender.as_bytes()).collect();
        let url = self.client.url(&format!("/users/{}/sendMail", sender.replace('+', "%20")))?;
        Ok(Ask { url, body: Some(Payload::Mime(STANDARD.encode(message))), keys: 0 })
    }
}

fn unanswered(error: Error) -> Unsent {
    match error {
        // Nothing but Graph itself takes mails, so a redirect took none.
        Error::Network { unsent: true, .. } | Error::Untrusted { .. } | Error::OutOfTime | Error::Redirected { .. } => {
            Unsent::Kept(error)
        }
        _ => Unsent::Unanswered(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_mails_leave_as_fast_as_a_mailbox_may_and_no_faster() {
        let (pace, began) = (Budget::new(Some(PER_MINUTE)), Instant::now());
        let mut now = began;
        let mut sent = Vec::new();
        for _ in 0..10_000 {
            now += pace.reserve(1, now, Some(WITHIN)).expect("no wait is longer than a mail may take");
            sent.push(now);
        }
        let minute = Duration::from_mins(1);
        assert!(sent.windows(PER_MINUTE + 1).all(|run| run.last().zip(run.first()).is_some_and(|(b, a)| *b - *a >= minute)));
        assert_eq!((now - began).as_secs() / 60, 333, "30 a minute");
    }
}
