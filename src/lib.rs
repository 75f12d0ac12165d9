//! EntraWatch watches the client secrets and certificates of Microsoft Entra applications and mails the people who can act before one
//! ends.
//!
//! The way through the code is the way of a credential: [`graph`] reads the directory, [`inventory`] says what exists and how it
//! stands, [`policy`] decides who is told what and why, [`outbox`] makes mails of it, [`mail`] words and sends them. [`store`] keeps
//! everything that must survive; [`tenant`] is the task that walks this way for one tenant; [`watcher`] tells what
//! keeps EntraWatch itself from seeing or telling; [`app`] wires the parts;
//! [`web`] and [`metrics`] read the immutable [`snapshot`]s. [`demo`] is a simulated tenant, used by `entrawatch demo` and by the
//! tests.

pub mod app;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod duty;
pub mod graph;
pub mod heartbeat;
pub mod html;
pub mod inventory;
pub mod mail;
pub mod metrics;
pub mod outbox;
pub mod own;
pub mod policy;
pub mod progress;
pub mod schedule;
pub mod secret;
pub mod shutdown;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod systemd;
pub mod telemetry;
pub mod tenant;
pub mod tls;
pub mod turns;
pub mod user;
pub mod watcher;
pub mod web;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, where `build.rs` could find out.
pub const COMMIT: &str = env!("ENTRAWATCH_COMMIT");
