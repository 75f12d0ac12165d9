//! Prometheus metrics: what the process counts about itself, and what the snapshots say about credentials.

mod process;

pub use process::{MailOutcome, Metrics};
