//! What the store promises, on SQLite and on PostgreSQL alike.

mod contract;
mod leases;
mod opening;
mod property;
pub mod samples;
