//! Microsoft Graph, read only: the token, the listings, the few objects read again before anybody is told.
//!
//! [`Client`] is one tenant's. What it brings is either complete or says why it is not; nothing that was not sent is read as "none".
//! [`wire`] turns JSON into the types of [`crate::inventory`], `retry` decides what is sent again, `token` holds the tokens. A token is sent
//! to the configured Graph host and to no other, and no redirect is followed.

mod attempts;
mod batch;
mod budget;
mod client;
mod confirm;
mod delta;
mod discovery;
mod error;
mod http;
mod listing;
mod mailbox;
mod own;
pub mod retry;
mod sign_in;
mod token;
pub mod wire;

pub use client::Client;
pub use delta::Round;
pub use discovery::Discovery;
pub use error::{Error, Server, Trace};
pub use http::{Limits, http_client};
pub use listing::FirstPage;
pub use mailbox::{Mailbox, Unsent};
pub use sign_in::SignInRefused;
pub use token::{Claims, Token, Tokens, Unfit, check_certificate};
pub use wire::Removed;

use std::time::Duration;

use crate::clock::LONGEST_SLEEP;
use crate::inventory::{Detail, DirectoryObject, ObjectKey};
use crate::progress::{Progress, tenant_task};

/// What every client shares.
#[derive(Debug, Clone)]
pub struct Context {
    /// For assertion lifetimes and the times of reading.
    pub clock: std::sync::Arc<dyn crate::clock::Clock>,
    /// For back-off.
    pub sleeper: std::sync::Arc<dyn crate::clock::Sleeper>,
    /// Requests and waits are counted here.
    pub metrics: std::sync::Arc<crate::metrics::Metrics>,
    /// Where the tenant's task shows at each request and wait that it lives: a listing may take long.
    pub progress: Progress,
    /// The shared HTTP client (see [`http_client`]).
    pub http: reqwest::Client,
}

impl Context {
    /// The tenant's task lives.
    fn beat(&self, tenant: &str) {
        self.progress.beat(&tenant_task(tenant));
    }

    /// Waits, with signs of life.
    async fn wait(&self, tenant: &str, mut wait: Duration) {
        while !wait.is_zero() {
            self.beat(tenant);
            let part = wait.min(LONGEST_SLEEP);
            self.sleeper.sleep(part).await;
            wait -= part;
        }
        self.beat(tenant);
    }
}

/// What one listing of a collection brought.
#[derive(Debug)]
pub struct Listing {
    /// In the order they came, doubles removed (the last wins).
    pub objects: Vec<Listed>,
    /// Objects that could not be decoded: id where one could be read, and why.
    pub undecodable: Vec<(Option<String>, String)>,
    /// Why the listing is not complete; `None`: it is.
    pub error: Option<Error>,
    /// Requests that were needed.
    pub requests: u32,
}

/// One object of a listing.
#[derive(Debug)]
pub enum Listed {
    /// Its raw JSON has the hash that was known.
    Unchanged(ObjectKey),
    /// Its raw JSON is new.
    Changed {
        /// Hash of the raw JSON.
        hash: String,
        /// What it decodes to; `detail` and `gone` are empty.
        object: Box<DirectoryObject>,
    },
}

/// One object to be read again by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Which.
    pub key: ObjectKey,
    /// Read the object with its credentials. Without it, only `detail` is read.
    pub credentials: bool,
    /// Read owners.
    pub owners: bool,
    /// Read the thumbprints of its certificates: where the listing left one unknown and the active SAML certificate must be found.
    /// Not needed beside `credentials`, which brings them.
    pub thumbprints: bool,
}

/// What reading one object again brought.
#[derive(Debug)]
pub struct Reading {
    /// The object as it is now, where credentials were wanted; `detail` and `gone` are empty.
    pub object: Option<Box<DirectoryObject>>,
    /// Hash of the object's raw JSON. As it is read with the listing's `$select`, the next listing finds it unchanged where Graph writes
    /// both alike, and decodes it once more where not. Empty without `object`.
    pub hash: String,
    /// What could be read of it; a part that could not be read is `None` (empty for thumbprints).
    pub detail: Detail,
    /// Parts that could not be read, in plain words with what to do.
    pub problems: Vec<String>,
}
