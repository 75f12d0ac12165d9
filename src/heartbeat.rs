//! A sign of life to another service, after each round in which every tenant was seen completely: what is silent there is dead or blind.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::{Sleeper, UtcTime};
use crate::snapshot::Snapshots;

/// How often it is looked whether a round is complete.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long the other service may take.
const WITHIN: Duration = Duration::from_secs(20);

/// Sends the sign until `stop`. One that is not taken is logged, and sent again at the next look.
pub async fn run(url: Url, snapshots: Snapshots, http: reqwest::Client, sleeper: &dyn Sleeper, stop: CancellationToken) {
    let mut told: Option<UtcTime> = None;
    while !stop.is_cancelled() {
        let round = complete_since(&snapshots);
        if round > told {
            match http.get(url.clone()).timeout(WITHIN).send().await.and_then(reqwest::Response::error_for_status) {
                Ok(_) => told = round,
                // The address may hold a secret.
                Err(error) => tracing::warn!(error = %error.without_url(), "the heartbeat was not taken"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleeper.sleep(LOOK_EVERY) => {}
        }
    }
}

/// Since when every tenant has been seen completely; `None`: one never was.
fn complete_since(snapshots: &Snapshots) -> Option<UtcTime> {
    let seen: Option<Vec<UtcTime>> = snapshots.all().iter().map(|snapshot| snapshot.state.polls.last_complete).collect();
    seen?.into_iter().min()
}
