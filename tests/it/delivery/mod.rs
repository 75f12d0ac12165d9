//! What becomes of mails once they are in the outbox.

mod drain;
mod exchange;
mod faults;
mod given_up;
mod life;
mod process;
mod table;

use std::sync::Arc;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock};
use entrawatch::metrics::Metrics;
use entrawatch::outbox::deliver::{Delivery, DeliveryParts, Next};
use entrawatch::outbox::status::DeliveryStatus;
use entrawatch::progress::Progress;
use entrawatch::store::{Commit, NewMail, Store};
use tokio_util::sync::CancellationToken;

use crate::store::samples::{commit, mail};
use crate::support::builder::start;
use crate::support::counter;
use crate::support::database::Database;
use crate::support::mailer::MemoryMailer;

/// An outbox and a delivery, with a clock that stands still.
struct Post {
    /// An SQLite file lives as long as this.
    database: Option<Database>,
    store: Store,
    mailer: Arc<MemoryMailer>,
    clock: Arc<ManualClock>,
    status: DeliveryStatus,
    metrics: Arc<Metrics>,
    delivery: Delivery,
    stop: CancellationToken,
}

impl Post {
    async fn new(database: Database) -> Self {
        let store = database.open().await;
        Self { database: Some(database), ..Self::at(store) }
    }

    async fn on_sqlite() -> Self {
        Self::new(Database::sqlite()).await
    }

    fn at(store: Store) -> Self {
        let (mailer, clock) = (Arc::new(MemoryMailer::new()), Arc::new(ManualClock::new(start())));
        let (status, metrics) = (DeliveryStatus::default(), Arc::new(Metrics::new().unwrap()));
        let delivery = Delivery::new(DeliveryParts {
            store: store.clone(),
            mailer: mailer.clone(),
            from: "entrawatch@example.com".parse().unwrap(),
            give_up_after: TimeDelta::days(3),
            clock: clock.clone(),
            metrics: metrics.clone(),
            status: status.clone(),
            progress: Progress::default(),
        });
        Self { database: None, store, mailer, clock, status, metrics, delivery, stop: CancellationToken::new() }
    }

    /// Puts a mail to each of them into the outbox.
    async fn put(&self, recipients: &[&str]) -> Vec<NewMail> {
        let mails: Vec<NewMail> = recipients
            .iter()
            .map(|to| {
                let mut mail = mail(to);
                mail.message = format!("Message-ID: <{}@example.com>\r\n\r\nBody\r\n", mail.id);
                mail.created_at = self.clock.now();
                mail.first_decided_at = self.clock.now();
                mail.next_attempt_at = self.clock.now();
                mail
            })
            .collect();
        commit(&self.store, Commit { mails: mails.clone(), ..Commit::default() }).await;
        mails
    }

    async fn step(&self) -> Next {
        self.delivery.deliver_once(&self.stop).await.unwrap()
    }

    /// Steps, each when the last one said there would be something to do, until there is nothing or `within` has passed.
    async fn steps(&self, within: TimeDelta) {
        let end = self.clock.now() + within;
        while let Next::At(at) = self.step().await {
            if at > end {
                self.clock.set(end);
                return;
            }
            self.clock.set(at);
        }
    }

    /// `entrawatch_mails_total`
    fn mails(&self, outcome: &str) -> u64 {
        counter(&self.metrics, "entrawatch_mails_total", outcome)
    }
}
