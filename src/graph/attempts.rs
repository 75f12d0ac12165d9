//! One request, sent again until it succeeds, fails for good, or patience ends.

use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::http::{Limits, Reply};
use super::retry::{self, Fault, Verdict};

/// How long a piece of work may take, waits included.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    began: Instant,
    /// Waits are counted as they are asked for: an injected sleeper may not take any time.
    waited: Duration,
    limit: Option<Duration>,
    answer: Limits,
}

impl Patience {
    /// As long as it takes; every single request stays bounded.
    pub fn endless(answer: Limits) -> Self {
        Self { began: Instant::now(), waited: Duration::ZERO, limit: None, answer }
    }

    /// Until `limit` is over.
    pub fn of(limit: Duration, answer: Limits) -> Self {
        Self { limit: Some(limit), ..Self::endless(answer) }
    }

    /// What is left, where there is a limit.
    pub fn left(&self) -> Option<Duration> {
        let spent = self.began.elapsed().max(self.waited);
        self.limit.map(|limit| limit.saturating_sub(spent))
    }

    /// What the next answer may take.
    pub fn limits(&self) -> Limits {
        let answer_within = self.left().unwrap_or(Duration::MAX).min(self.answer.answer_within);
        Limits { answer_within, ..self.answer }
    }

    /// Takes time for a wait; false: there is not enough left.
    pub fn spend(&mut self, wait: Duration) -> bool {
        let enough = self.left().is_none_or(|left| wait < left);
        if enough {
            self.waited += wait;
        }
        enough
    }
}

/// The attempts at one request.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    context: &'a Context,
    tenant: &'a str,
    /// How many were made.
    pub made: u32,
}

impl<'a> Attempts<'a> {
    pub fn new(context: &'a Context, tenant: &'a str) -> Self {
        Self { context, tenant, made: 0 }
    }

    /// Counts an attempt that failed, and waits before the next one. False: there shall be none.
    pub async fn again(&mut self, fault: Fault, retry_after: Option<Duration>, patience: &mut Patience) -> bool {
        self.made += 1;
        let Verdict::Again(wait) = retry::decide(fault, self.made, retry_after, fastrand::f64()) else { return false };
        if !patience.spend(wait) {
            return false;
        }
        if fault.is_throttling(retry_after) {
            self.context.metrics.graph_throttled(self.tenant, wait.as_secs_f64());
        }
        tracing::debug!(tenant = self.tenant, ?fault, attempt = self.made, ?wait, "a request failed and is sent again");
        self.context.wait(self.tenant, wait).await;
        true
    }

    /// What an answer's `Retry-After` asks for. A date is measured against the server's own clock where it says its time.
    pub fn retry_after(&self, reply: &Reply) -> Option<Duration> {
        retry::retry_after(reply.header("retry-after")?, reply.date().unwrap_or_else(|| self.context.clock.now()))
    }

    /// The same, for one that came inside a batch.
    pub fn read_retry_after(&self, header: &str) -> Option<Duration> {
        retry::retry_after(header, self.context.clock.now())
    }
}
