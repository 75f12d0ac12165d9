//! Connections: how many, how long, with or without TLS, and how they end.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use super::places::{Place, Places, UnderWay};
use super::{WebState, router};

/// A connection that says nothing for this long is closed. Longer than the usual scrape interval.
const IDLE: Duration = Duration::from_secs(75);
/// A reader that takes nothing for this long is closed.
const STALLED: Duration = Duration::from_secs(30);
/// How long both sides may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long answers under way may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);
/// After `accept` failed (no file descriptor left, mostly).
const PAUSE: Duration = Duration::from_millis(100);

/// What those hear who speak HTTP where TLS is spoken.
const NOT_TLS: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\nThis port speaks TLS: write https:// in front of the address.\n";

/// Serves until `shutdown`, then lets the answers under way finish and returns.
pub async fn serve(listener: TcpListener, state: WebState, shutdown: CancellationToken) {
    let router = router(state.clone());
    let places = Arc::new(Places::default());
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
        let place = places.take(hard.child_token());
        tracker.spawn(welcome(stream, state.clone(), router.clone(), place, shutdown.clone()));
    }
    drop(listener);
    tracker.close();
    if timeout(DRAIN, tracker.wait()).await.is_err() {
        hard.cancel();
        tracker.wait().await;
    }
}

/// One connection, from its first byte.
async fn welcome(stream: TcpStream, state: WebState, router: Router, place: Place, shutdown: CancellationToken) {
    // Answers are small or come in large blocks; waiting to fill packets only adds delay.
    let _ = stream.set_nodelay(true);
    let Some(files) = state.parts().config.http.tls.clone() else {
        return converse(stream, router, place, shutdown).await;
    };
    let agreed = async {
        let acceptor = state.tls().acceptor(&files).await?;
        agree(stream, acceptor).await
    };
    let encrypted = tokio::select! {
        agreed = timeout(HANDSHAKE, agreed) => agreed.ok().flatten(),
        () = place.evicted.cancelled() => None,
        () = shutdown.cancelled() => None,
    };
    if let Some(encrypted) = encrypted {
        converse(encrypted, router, place, shutdown).await;
    }
}

async fn agree(mut stream: TcpStream, acceptor: TlsAcceptor) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 1 && first[0].is_ascii_uppercase() {
        let _ = stream.write_all(NOT_TLS.as_bytes()).await;
        let _ = stream.shutdown().await;
        return None;
    }
    acceptor
        .accept(stream)
        .await
        .inspect_err(|error| tracing::debug!(%error, "a reader of the status page does not agree on TLS"))
        .ok()
}

/// One connection from its first request to its last.
async fn converse<S>(stream: S, router: Router, place: Place, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    let requests = Arc::clone(&place.requests);
    let service = service_fn(|request: Request<Incoming>| {
        let under_way = UnderWay::new(&requests);
        let mut router = router.clone();
        async move {
            let answer = router.call(request.map(Body::new)).await;
            answer.map(|answer| answer.map(|body| under_way.until_the_end_of(body))) as Result<_, Infallible>
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
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
