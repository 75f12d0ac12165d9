//! Delivery: what is due leaves the outbox. Knows nothing of policy.
//!
//! A mail is claimed, handed over, settled. Whatever an attempt was answered, the mail is in the store before and after it, so that a
//! crash loses nothing and repeats at most the mails in flight, under the same Message-ID.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use lettre::Address;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::retry;
use super::status::DeliveryStatus;
use crate::clock::{Clock, LONGEST_SLEEP, Sleeper, UtcTime};
use crate::mail::{Envelope, Fate, Mailer, SendError};
use crate::metrics::{MailOutcome, Metrics};
use crate::progress::Progress;
use crate::store::{ClaimedMail, Error, LONGEST_WAIT, Settlement, Store};
use crate::telemetry::{mask_address, mask_addresses};

/// How many mails are on their way at once; Graph takes no more from one mailbox.
const AT_ONCE: usize = 4;
/// How often claims are renewed and the status is brought up to date while mails are on their way.
const REFRESH: Duration = Duration::from_secs(5);
/// No attempt takes longer, whatever the transport's own limits are.
const ATTEMPT_WITHIN: Duration = Duration::from_mins(4);
/// How long what is in flight may take once the process stops; then it is returned. The process has 5 seconds as a whole.
const FINISH_WITHIN: Duration = Duration::from_secs(3);
/// The longest wait before an attempt is written down once more after the database failed to.
const SETTLE_AGAIN: Duration = Duration::from_secs(15);
/// A step that failed, or found nothing to claim of what was due, is not repeated at once.
const PAUSE: Duration = Duration::from_millis(200);

/// The name of the task among the signs of life.
pub const TASK: &str = "delivery";

/// The delivery task.
#[derive(Debug)]
pub struct Delivery {
    store: Store,
    mailer: Arc<dyn Mailer>,
    from: Address,
    give_up_after: TimeDelta,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    status: DeliveryStatus,
    progress: Progress,
    claimant: Uuid,
    refused: Mutex<Option<Refused>>,
}

/// The set-up refuses every mail: one at a time is tried, at growing distances, until one is taken.
#[derive(Debug, Clone, Copy)]
struct Refused {
    times: i64,
    until: UtcTime,
}

/// What happens while mails are on their way.
enum Event {
    Claimed { asked: usize, mails: Result<Vec<ClaimedMail>, Error> },
    Settled(Uuid),
    Kept(Result<Next, Error>),
}

/// When delivery has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A mail is due then.
    At(UtcTime),
    /// When somebody puts a mail into the outbox.
    WhenFilled,
}

/// What delivery needs.
#[derive(Debug, Clone)]
pub struct DeliveryParts {
    /// Where the outbox is.
    pub store: Store,
    /// How mails leave.
    pub mailer: Arc<dyn Mailer>,
    /// The sender's address.
    pub from: Address,
    /// `mail.give_up_after`
    pub give_up_after: TimeDelta,
    /// Policy time.
    pub clock: Arc<dyn Clock>,
    /// Counts what becomes of mails.
    pub metrics: Arc<Metrics>,
    /// Told how it goes.
    pub status: DeliveryStatus,
    /// Told that it lives.
    pub progress: Progress,
}

impl Delivery {
    /// A delivery that claims under a name of its own.
    #[must_use]
    pub fn new(parts: DeliveryParts) -> Self {
        let DeliveryParts { store, mailer, from, give_up_after, clock, metrics, status, progress } = parts;
        status.update(|state| {
            state.configured = true;
            state.misconfigured = None;
        });
        Self {
            store,
            mailer,
            from,
            give_up_after,
            clock,
            metrics,
            status,
            progress,
            claimant: Uuid::new_v4(),
            refused: Mutex::default(),
        }
    }

    /// Delivers until `stop`: a step, a sleep, and so on.
    pub async fn run(self, sleeper: Arc<dyn Sleeper>, stop: CancellationToken) {
        match self.store.last_accepted().await {
            Ok(at) => self.status.update(|state| state.last_accepted = state.last_accepted.max(at)),
            Err(error) => tracing::warn!(%error, "when a mail was last accepted is not known"),
        }
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            self.progress.beat(TASK);
            let wait = match self.deliver_once(&stop).await {
                Ok(next) => {
                    failures = 0;
                    match next {
                        Next::At(at) => self.clock.wait_for(at).max(PAUSE),
                        Next::WhenFilled => LONGEST_SLEEP,
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "mails wait because the store fails");
                    failures = failures.saturating_add(1);
                    (PAUSE * 2_u32.saturating_pow(failures.min(16))).min(LONGEST_SLEEP)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleeper.sleep(wait) => {}
                () = self.store.outbox_filled(), if failures == 0 => {}
            }
        }
        self.progress.retire(TASK);
    }

    /// Delivers what is due, and returns when there will be something to do again. When `stop` is cancelled, what is in flight is
    /// finished within 3 seconds, or returned.
    ///
    /// # Errors
    /// When the store fails. What was in flight has been settled all the same.
    pub async fn deliver_once(&self, stop: &CancellationToken) -> Result<Next, Error> {
        self.refresh().await?;
        let (mut drained, mut claiming, mut failed) = (false, false, None);
        let mut in_flight = BTreeMap::new();
        // Whatever uses the store while mails are on their way is one of these: they are all polled together, so that none waits for
        // a lock that another holds and cannot give back.
        let mut events: FuturesUnordered<BoxFuture<'_, Event>> = FuturesUnordered::new();
        let mut tick = interval(REFRESH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut time_is_up = pin!(async {
            stop.cancelled().await;
            sleep(FINISH_WITHIN).await;
        });
        loop {
            let free = self.places(self.clock.now()).saturating_sub(in_flight.len());
            if free > 0 && !claiming && !drained && failed.is_none() && !stop.is_cancelled() {
                claiming = true;
                events.push(self.claim(free).boxed());
            }
            if in_flight.is_empty() && !claiming {
                break;
            }
            tokio::select! {
                Some(event) = events.next() => match event {
                    Event::Claimed { asked, mails } => {
                        claiming = false;
                        match mails {
                            Ok(mails) => {
                                drained = mails.len() < asked;
                                for mail in mails {
                                    in_flight.insert(mail.id, mail.clone());
                                    events.push(self.attempt(mail).boxed());
                                }
                            }
                            Err(error) => failed = Some(error),
                        }
                    }
                    Event::Settled(id) => drop(in_flight.remove(&id)),
                    Event::Kept(Ok(_)) => {}
                    Event::Kept(Err(error)) => tracing::warn!(%error, "the claims of mails on their way could not be renewed"),
                },
                () = &mut time_is_up => break,
                () = self.store.outbox_filled() => drained = false,
                _ = tick.tick() => {
                    drained = false;
                    self.progress.beat(TASK);
                    events.push(self.keep_claims().map(Event::Kept).boxed());
                }
            }
        }
        drop(events);
        for mail in in_flight.values() {
            tracing::info!(mail = %mail.id, "a mail on its way is returned to the outbox because the process stops");
            self.store.settle(mail, &Settlement::Released { after_data: true }, self.clock.now()).await?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.refresh().await
    }

    async fn claim(&self, asked: usize) -> Event {
        let limit = i64::try_from(asked).unwrap_or(1);
        Event::Claimed { asked, mails: self.store.claim(self.claimant, limit, self.clock.now()).await }
    }

    /// Hands one mail over, and writes down what became of it.
    async fn attempt(&self, mail: ClaimedMail) -> Event {
        let result = self.send(&mail).await;
        let now = self.clock.now();
        let settlement = match result {
            Ok(answer) => Settlement::Sent { answer, transport: self.mailer.kind() },
            Err(SendError { fate: Fate::Misconfigured, answer, after_data }) => {
                Settlement::PutOff { at: self.refuse(now, &answer), answer, after_data }
            }
            Err(failure) => retry::after_failure(&mail, failure, now, self.give_up_after),
        };
        self.tell(&mail, &settlement, now);
        let mut wait = PAUSE;
        while let Err(error) = self.store.settle(&mail, &settlement, now).await {
            tracing::error!(mail = %mail.id, %error, "what became of a mail cannot be written down; trying again");
            sleep(wait).await;
            wait = (wait * 2).min(SETTLE_AGAIN);
        }
        Event::Settled(mail.id)
    }

    async fn send(&self, mail: &ClaimedMail) -> Result<String, SendError> {
        let Ok(to) = mail.recipient.parse::<Address>() else {
            let answer = format!("\"{}\" is not an address that mail can be sent to", mail.recipient);
            return Err(SendError { fate: Fate::Permanent, answer, after_data: false });
        };
        let envelope = Envelope { from: &self.from, to: &to, id: mail.id, message: mail.message.as_bytes() };
        timeout(ATTEMPT_WITHIN, self.mailer.send(envelope)).await.unwrap_or_else(|_| {
            let answer = format!("no answer within {} minutes", ATTEMPT_WITHIN.as_secs() / 60);
            Err(SendError { fate: Fate::Transient, answer, after_data: true })
        })
    }

    /// Metrics, status and log of one attempt.
    fn tell(&self, mail: &ClaimedMail, settlement: &Settlement, now: UtcTime) {
        let (id, tenant, to) = (mail.id, &mail.tenant, mask_address(&mail.recipient));
        match settlement {
            Settlement::Sent { .. } => {
                *self.refused() = None;
                let delay = (now - mail.first_decided_at).to_std().unwrap_or_default().as_secs_f64();
                self.metrics.mailed(MailOutcome::Sent, 1);
                self.metrics.mail_delayed(delay);
                self.status.update(|state| {
                    state.last_accepted = Some(now);
                    state.failing_since = None;
                    state.last_error = None;
                    state.misconfigured = None;
                });
                tracing::info!(mail = %id, tenant, to, delay, "a mail was accepted");
            }
            Settlement::Retry { at, answer, .. } => {
                self.metrics.mailed(MailOutcome::Retried, 1);
                self.failed(answer, now);
                let answer = mask_addresses(answer);
                tracing::warn!(mail = %id, tenant, to, answer, next = %at, "a mail was not accepted; it is tried again");
            }
            // Said once for all mails, where the refusal is met.
            Settlement::PutOff { answer, .. } => {
                self.metrics.mailed(MailOutcome::Retried, 1);
                self.failed(answer, now);
                self.status.update(|state| state.misconfigured = Some(answer.clone()));
            }
            Settlement::Dead { answer } => {
                self.metrics.mailed(MailOutcome::Dead, 1);
                self.status.update(|state| state.last_error = Some(answer.clone()));
                tracing::error!(mail = %id, tenant, to, answer = mask_addresses(answer), "a mail was given up");
            }
            Settlement::Released { .. } => {}
        }
    }

    fn failed(&self, answer: &str, now: UtcTime) {
        self.status.update(|state| {
            state.failing_since.get_or_insert(now);
            state.last_error = Some(answer.to_owned());
        });
    }

    /// The set-up refuses every mail; until when this one is put off. It leaves the next try to another mail, lest one that the
    /// server dislikes for itself keeps all the others back.
    fn refuse(&self, now: UtcTime, answer: &str) -> UtcTime {
        let mut refused = self.refused();
        let times = match *refused {
            // Others that were on their way meet the same refusal.
            Some(Refused { times, until }) if now < until => times,
            Some(Refused { times, .. }) => times.saturating_add(1),
            None => 1,
        };
        let until = now + retry::wait(times);
        *refused = Some(Refused { times, until });
        tracing::error!(answer = mask_addresses(answer), next = %until, "the mail server refuses every mail as things are set up; all mails wait until that is mended");
        until + TimeDelta::seconds(1)
    }

    /// How many mails may be on their way.
    fn places(&self, now: UtcTime) -> usize {
        match *self.refused() {
            None => AT_ONCE,
            // Further away than any wait: the clock was set back.
            Some(Refused { until, .. }) if now < until && until <= now + LONGEST_WAIT => 0,
            Some(_) => 1,
        }
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_claims(&self) -> Result<Next, Error> {
        self.store.renew_claims(self.claimant).await?;
        self.refresh().await
    }

    /// Brings the status up to date; when something is due next.
    async fn refresh(&self) -> Result<Next, Error> {
        let waiting = self.store.waiting().await?;
        self.status.update(|state| {
            state.pending = waiting.count;
            state.oldest = waiting.oldest;
        });
        let due = waiting.next_attempt.map(|at| if at > self.clock.now() + LONGEST_WAIT { self.clock.now() } else { at });
        Ok(match (due, *self.refused()) {
            (None, _) => Next::WhenFilled,
            (Some(at), None) => Next::At(at),
            (Some(at), Some(refused)) => Next::At(at.max(refused.until)),
        })
    }
}
