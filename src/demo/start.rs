//! Contoso, served on loopback and alive: what `entrawatch demo` watches.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::sample::{Contoso, Life, contoso};
use super::server::serve;
use super::tenant::{Directory, Watcher};
use crate::clock::{Clock, LONGEST_SLEEP, Sleeper};

/// A simulated tenant that is being served.
#[derive(Debug)]
pub struct Simulated {
    /// Where it signs in and answers: both `login_url` and `graph_url`.
    pub base: Url,
    /// The directory.
    pub directory: Directory,
    /// What to sign in as.
    pub watcher: Watcher,
}

/// Serves Contoso on `listener` and lets it live by `clock` until `stop`.
pub fn start(
    listener: TcpListener,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> io::Result<Simulated> {
    let Contoso { directory, watcher, life } = contoso(clock.clone());
    let base = serve(listener, [directory.clone()], tasks, stop.clone())?;
    tasks.spawn(stop.clone().run_until_cancelled_owned(live(life, clock, sleeper)));
    Ok(Simulated { base, directory, watcher })
}

/// Never ends.
async fn live(mut life: Life, clock: Arc<dyn Clock>, sleeper: Arc<dyn Sleeper>) {
    loop {
        let wait = life.live_until(clock.now()).map_or(LONGEST_SLEEP, |next| clock.wait_for(next));
        sleeper.sleep(wait).await;
    }
}
