//! The status page, the API and the health of the daemon, over HTTP.

mod api;
mod connections;
mod documented;
mod health;
mod mails;
mod page;
mod secure;
