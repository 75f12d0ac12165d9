//! What the process counts about itself. One struct, one registry, no statics. Closed label sets exist at 0 from the start.

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use strum::IntoEnumIterator as _;

use super::Family;
use crate::inventory::Severity;
use crate::policy::Notice;
use crate::state::PollOutcome;

/// What became of a mail: the label `outcome` of `entrawatch_mails_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum MailOutcome {
    /// Accepted by the mail server.
    Sent,
    /// An attempt failed and there will be another.
    Retried,
    /// Given up.
    Dead,
    /// Taken back before it left, and decided afresh.
    Withdrawn,
}

/// The counters of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Vec<Family>,
    polls: IntCounterVec,
    poll_duration: HistogramVec,
    poll_drift: IntCounterVec,
    graph_requests: IntCounterVec,
    graph_request_duration: HistogramVec,
    graph_throttled: CounterVec,
    notices: IntCounterVec,
    mails: IntCounterVec,
    mail_delay: Histogram,
}

impl Metrics {
    /// Registers every family, and the process's own (`process_*`).
    ///
    /// # Errors
    /// When two families have one name: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        #[cfg(target_os = "linux")]
        registrar.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let metrics = Self {
            polls: registrar.counter(
                "entrawatch_polls_total",
                "Polls of a tenant by mode and outcome: complete saw everything, partial something, failed nothing.",
                &["tenant", "mode", "outcome"],
            )?,
            poll_duration: registrar.histograms(
                "entrawatch_poll_duration_seconds",
                "How long a poll of a tenant took, waits for throttling included.",
                &["tenant", "mode"],
                &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0],
            )?,
            poll_drift: registrar.counter(
                "entrawatch_poll_drift_total",
                "Changes that a full listing found and that delta queries had missed.",
                &["tenant"],
            )?,
            graph_requests: registrar.counter(
                "entrawatch_graph_requests_total",
                "Requests to Microsoft Graph by class of the answer: 2xx, 3xx, 4xx, 429, 5xx, or error where none came.",
                &["tenant", "code"],
            )?,
            graph_request_duration: registrar.histograms(
                "entrawatch_graph_request_duration_seconds",
                "How long Microsoft Graph took to answer a request in full.",
                &["tenant"],
                &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
            )?,
            graph_throttled: registrar.seconds(
                "entrawatch_graph_throttled_seconds_total",
                "Time spent waiting because Microsoft Graph asked to be left alone.",
                &["tenant"],
            )?,
            notices: registrar.counter(
                "entrawatch_notices_total",
                "Notices that were put into a mail, one for each recipient.",
                &["notice", "severity"],
            )?,
            mails: registrar.counter(
                "entrawatch_mails_total",
                "Mails by what became of them: sent, retried (once for each failed attempt), dead, withdrawn (decided afresh before they left).",
                &["outcome"],
            )?,
            mail_delay: registrar.histogram(
                "entrawatch_mail_delay_seconds",
                "From the first decision to tell somebody until the mail server accepted the mail.",
                &[1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0, 86400.0, 259_200.0],
            )?,
            registry: registrar.registry,
            families: registrar.families,
        };
        for outcome in MailOutcome::iter() {
            metrics.mails.with_label_values(&[<&str>::from(outcome)]);
        }
        for (notice, severity) in Notice::iter().flat_map(|notice| Severity::iter().map(move |severity| (notice, severity))) {
            metrics.notices.with_label_values(&[<&str>::from(notice), severity.into()]);
        }
        Ok(metrics)
    }

    /// Makes the series of a tenant exist at 0.
    pub fn announce_tenant(&self, tenant: &str) {
        for (mode, outcome) in
            ["full", "delta"].into_iter().flat_map(|mode| PollOutcome::iter().map(move |outcome| (mode, outcome)))
        {
            self.polls.with_label_values(&[tenant, mode, outcome.into()]);
        }
        for code in ["2xx", "3xx", "4xx", "429", "5xx", "error"] {
            self.graph_requests.with_label_values(&[tenant, code]);
        }
        self.poll_drift.with_label_values(&[tenant]);
        self.graph_throttled.with_label_values(&[tenant]);
    }

    /// A poll has ended. `mode` is `full` or `delta`.
    pub fn polled(&self, tenant: &str, mode: &str, outcome: PollOutcome, seconds: f64) {
        self.polls.with_label_values(&[tenant, mode, outcome.into()]).inc();
        self.poll_duration.with_label_values(&[tenant, mode]).observe(seconds);
    }

    /// A full listing found `changes` that delta had missed.
    pub fn drifted(&self, tenant: &str, changes: u64) {
        self.poll_drift.with_label_values(&[tenant]).inc_by(changes);
    }

    /// Graph answered with `status`, or (`None`) not at all.
    pub fn graph_answered(&self, tenant: &str, status: Option<u16>, seconds: f64) {
        let code = match status {
            None => "error",
            Some(429) => "429",
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(_) => "5xx",
        };
        self.graph_requests.with_label_values(&[tenant, code]).inc();
        self.graph_request_duration.with_label_values(&[tenant]).observe(seconds);
    }

    /// A wait that Graph asked for.
    pub fn graph_throttled(&self, tenant: &str, seconds: f64) {
        self.graph_throttled.with_label_values(&[tenant]).inc_by(seconds);
    }

    /// A notice went into a mail.
    pub fn noticed(&self, notice: Notice, severity: Severity) {
        self.notices.with_label_values(&[<&str>::from(notice), severity.into()]).inc();
    }

    /// Something became of a mail.
    pub fn mailed(&self, outcome: MailOutcome, count: u64) {
        self.mails.with_label_values(&[<&str>::from(outcome)]).inc_by(count);
    }

    /// A mail was accepted `seconds` after it was first decided.
    pub fn mail_delayed(&self, seconds: f64) {
        self.mail_delay.observe(seconds);
    }

    /// The families of this struct, with or without series. Those of the process itself (`process_*`) are not among them.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Every series, for the exposition.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// Registers families and notes what is to be printed about those that have no series yet.
#[derive(Default)]
struct Registrar {
    registry: Registry,
    families: Vec<Family>,
}

impl Registrar {
    fn counter(&mut self, name: &'static str, help: &'static str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        self.add("counter", name, help, IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn seconds(&mut self, name: &'static str, help: &'static str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
        self.add("counter", name, help, CounterVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(&mut self, name: &'static str, help: &'static str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
        self.add("histogram", name, help, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
    }

    fn histograms(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add("histogram", name, help, HistogramVec::new(opts, labels)?)
    }

    fn add<C: Collector + Clone + 'static>(
        &mut self,
        kind: &'static str,
        name: &'static str,
        help: &'static str,
        collector: C,
    ) -> Result<C, prometheus::Error> {
        self.registry.register(Box::new(collector.clone()))?;
        self.families.push(Family { name: name.into(), kind: kind.into(), help: help.into() });
        Ok(collector)
    }
}
