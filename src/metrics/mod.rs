//! Prometheus metrics: what the process counts about itself ([`Metrics`]), and what the snapshots say about credentials
//! ([`Exposition`], which puts both into one body).
//!
//! The per-credential part can be a hundred megabytes of text. It is written and compressed once per snapshot, when the first scrape
//! wants it, and kept compressed ([`deflate`]); the counts follow the clock and are looked up in sorted lists ([`counts`]).

mod counts;
mod coverage;
mod deflate;
mod exposition;
mod family;
mod process;
mod series;
mod text;

pub use exposition::{Exposition, Rendered, Sources};
pub use family::{Family, SNAPSHOT_FAMILIES};
pub use process::{MailOutcome, Metrics};
