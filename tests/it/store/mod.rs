//! What the store promises, on SQLite and on PostgreSQL alike.

mod contract;
mod opening;
mod property;
pub mod samples;
