//! The one integration binary.

mod cli;
mod config;
mod delivery;
mod demo;
mod deployed;
mod docs;
mod doctor;
mod graph;
mod inventory;
mod labelled;
mod mail;
mod metrics;
mod policy;
mod process;
mod purity;
mod replicas;
mod report;
mod rounds;
mod shutdown;
mod sized;
mod store;
mod story;
mod support;
mod watcher;
mod web;
