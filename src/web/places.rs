//! How many connections there may be, and which one makes room for the next.
//!
//! When all places are taken, the oldest connection without a request goes; where there is none, the oldest of all. So neither idle
//! connections nor readers that take their answers slowly keep a scrape out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// Leaves room for the store and for Graph under the usual limit of 1,024 open files.
const CONNECTIONS: usize = 512;

/// The connections that are open, oldest first.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, (Arc<AtomicUsize>, CancellationToken)>,
}

impl Places {
    /// Makes room if there is none, and takes a place.
    pub(super) fn take(self: &Arc<Self>, evicted: CancellationToken) -> Place {
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
        Place { places: Arc::clone(self), number, requests, evicted }
    }
}

/// The place of one connection among the others.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    /// How many requests are being answered.
    pub(super) requests: Arc<AtomicUsize>,
    /// Cancelled when it has to make room.
    pub(super) evicted: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.number);
    }
}

/// Counts a request while it is being answered.
pub(super) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    pub(super) fn new(requests: &Arc<AtomicUsize>) -> Self {
        requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(requests))
    }

    /// Goes on counting until the body has been sent.
    pub(super) fn until_the_end_of(self, body: Body) -> Body {
        Body::new(Sending { body, _under_way: self })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that is being sent.
struct Sending {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_connection_makes_room_and_where_all_are_busy_the_oldest() {
        let places = Arc::new(Places::default());
        let mut taken: Vec<_> = (0..CONNECTIONS).map(|_| places.take(CancellationToken::new())).collect();
        let mut requests: Vec<_> = taken.iter().map(|place| Some(UnderWay::new(&place.requests))).collect();
        requests[7] = None;
        requests[9] = None;
        for leaving in [7, 9, 0, 1] {
            assert!(!taken[leaving].evicted.is_cancelled());
            let next = places.take(CancellationToken::new());
            requests.push(Some(UnderWay::new(&next.requests)));
            taken.push(next);
            assert!(taken[leaving].evicted.is_cancelled(), "{leaving}");
        }
        assert_eq!(taken.iter().filter(|place| place.evicted.is_cancelled()).count(), 4);
        drop(taken);
        let newcomer = places.take(CancellationToken::new());
        let _another = places.take(CancellationToken::new());
        assert!(!newcomer.evicted.is_cancelled(), "who left has made room");
    }

    #[tokio::test]
    async fn a_request_is_under_way_until_its_answer_has_been_sent() {
        let requests = Arc::new(AtomicUsize::new(0));
        let body = UnderWay::new(&requests).until_the_end_of(Body::from("text"));
        assert_eq!((requests.load(Ordering::Relaxed), body.size_hint().exact()), (1, Some(4)));
        assert_eq!(axum::body::to_bytes(body, 10).await.unwrap(), "text");
        assert_eq!(requests.load(Ordering::Relaxed), 0);
    }
}
