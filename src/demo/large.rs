//! Tenants of any size, for tests of scale.

use std::sync::Arc;

use chrono::TimeDelta;

use super::tenant::Directory;
use crate::clock::Clock;

/// What applications are called, beside their number.
const NAMES: &[&str] = &["Billing", "Catalogue", "Dispatch", "Fraud Check", "Identity Sync", "Ledger", "Pricing", "Search"];

/// A tenant with `applications` applications and their service principals, the same for the same `seed`: most with one secret, some
/// with several, some with a certificate, one in eight with none.
#[must_use]
pub fn large(domain: &str, clock: Arc<dyn Clock>, applications: usize, seed: u64) -> Directory {
    let directory = Directory::new(domain, clock);
    let now = directory.now();
    let mut rng = fastrand::Rng::with_seed(seed);
    for number in 0..applications {
        let name = NAMES.get(number % NAMES.len()).copied().unwrap_or_default();
        let app = directory.add_application(&format!("{name} {number}"));
        let secrets = [0, 1, 1, 1, 1, 1, 2, 3][rng.usize(..8)];
        for secret in 0..secrets {
            let start = now - TimeDelta::hours(rng.i64(1..17_520));
            let end = start + TimeDelta::days([90, 180, 365, 730][rng.usize(..4)]);
            directory.add_secret(app.id, &format!("secret {secret}"), start, end);
        }
        if rng.u8(..8) == 0 {
            let start = now - TimeDelta::hours(rng.i64(1..8_760));
            directory.add_certificate(app.id, &format!("CN={name}"), start, start + TimeDelta::days(365));
        }
    }
    directory
}
