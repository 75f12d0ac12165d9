//! What systemd is told: that the process is ready, that it works, that it is stopping. Where systemd did not start it nothing is
//! said, and nothing differs.

use std::future;

use sd_notify::NotifyState;

use crate::clock::Sleeper;
use crate::progress::Progress;

/// Everything listens and is loaded.
pub fn ready() {
    say(&NotifyState::Ready);
}

/// The end has begun.
pub fn stopping() {
    say(&NotifyState::Stopping);
}

/// Keeps the watchdog content as long as every task shows progress, which is what `/healthz` asks too. Returns never.
pub async fn watchdog(progress: Progress, sleeper: &dyn Sleeper) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return future::pending().await;
    };
    loop {
        if progress.stuck().is_empty() {
            say(&NotifyState::Watchdog);
        }
        sleeper.sleep(limit / 3).await;
    }
}

fn say(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "systemd could not be told how the process is");
    }
}
