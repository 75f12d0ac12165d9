//! A simulated Entra tenant: Microsoft Graph and the token endpoint, over HTTP on loopback, backed by a directory in memory.
//!
//! `entrawatch demo` watches one, and the integration tests use it in place of Microsoft Graph, so that the real client is exercised.
//! It is no friendlier than the real thing: tokens end, `$select` leaves out what was not asked for, lists never carry certificates,
//! pages shift while they are read, batches answer out of order. What it does follows the facts that were collected about Graph, not
//! the needs of our client. Faults (throttling, cut connections) are not in here: tests layer them round the [`router`].

mod access;
mod assertion;
mod batch;
mod body;
mod certificate;
mod change;
mod credential;
mod delta;
mod edits;
mod grants;
mod graph;
mod large;
mod listing;
mod mailbox;
mod objects;
mod properties;
mod query;
mod record;
mod refusal;
mod sample;
mod server;
mod start;
mod sts;
mod tenant;
mod token;

pub use change::{Change, Changed};
pub use credential::SamlCertificate;
pub use large::large;
pub use mailbox::{SentMail, SentMessage};
pub use record::{Collection, Disabled, ObjectId};
pub use sample::{Contoso, Life, contoso};
pub use server::{router, serve};
pub use start::{Simulated, start};
pub use tenant::{Application, Directory, Watcher};
