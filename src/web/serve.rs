//! Connections: how many, how long, and how they end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

/// A connection that says nothing for this long is closed. Longer than the usual scrape interval.
const IDLE: Duration = Duration::from_secs(75);
/// Leaves room for the store and for Graph under the usual limit of 1,024 open files.
const CONNECTIONS: usize = 512;
/// How long answers under way may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);
/// After `accept` failed (no file descriptor left, mostly).
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then lets the answers under way finish and returns.
///
/// When all connections are taken, the oldest one without a request makes room for the next, so that idle ones never keep a scrape out.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let connections = Arc::new(Connections::default());
    let tracker = TaskTracker::new();
    let hard = CancellationToken::new();
    loop {
        let stream = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the status page could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let place = connections.take(hard.child_token());
        tracker.spawn(converse(stream, router.clone(), place, shutdown.clone()));
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
        hard.cancel();
        tracker.wait().await;
    }
}

/// One connection from its first byte to its last.
async fn converse(stream: TcpStream, router: Router, place: Place, shutdown: CancellationToken) {
    // Answers are small or come in large blocks; waiting to fill packets only adds delay.
    let _ = stream.set_nodelay(true);
    let requests = Arc::clone(&place.requests);
    let service = service_fn(|request: Request<Incoming>| {
        let under_way = UnderWay::new(&requests);
        let mut router = router.clone();
        async move {
            let answer = router.call(request.map(Body::new)).await;
            drop(under_way);
            answer as Result<_, Infallible>
        }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(IDLE).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection to the status page broke");
                }
                return;
            }
            () = place.evicted.cancelled() => return,
            () = shutdown.cancelled(), if !stopping => {
                if place.requests.load(Ordering::Relaxed) == 0 {
                    return;
                }
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The connections that are open, oldest first.
#[derive(Debug, Default)]
struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, (Arc<AtomicUsize>, CancellationToken)>,
}

impl Connections {
    /// Makes room if there is none, and takes a place.
    fn take(self: &Arc<Self>, evicted: CancellationToken) -> Place {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.open.len() >= CONNECTIONS {
            let idle = table.open.iter().find(|(_, (requests, _))| requests.load(Ordering::Relaxed) == 0);
            let leaving = idle.or_else(|| table.open.first_key_value()).map(|(number, _)| *number);
            if let Some((_, evicted)) = leaving.and_then(|number| table.open.remove(&number)) {
                evicted.cancel();
            }
        }
        let (number, requests) = (table.next, Arc::new(AtomicUsize::new(0)));
        table.next += 1;
        table.open.insert(number, (Arc::clone(&requests), evicted.clone()));
        Place { connections: Arc::clone(self), number, requests, evicted }
    }
}

/// The place of one connection among the others.
struct Place {
    connections: Arc<Connections>,
    number: u64,
    requests: Arc<AtomicUsize>,
    evicted: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.0.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.number);
    }
}

/// Counts a request while it is being answered.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(requests: &Arc<AtomicUsize>) -> Self {
        requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(requests))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
