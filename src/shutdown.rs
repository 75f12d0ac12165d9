//! How the process ends: softly, then hard; and at once, with failure, when a task ends by itself.
//!
//! The first SIGTERM or SIGINT asks every task to finish what it has begun; a second one, or [`SOFT`] later, ends them where they
//! are. This is the only place that starts tasks, so that none is ever forgotten: [`Tasks::spawn`].

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long tasks may take to finish what they have begun. With [`HARD`] under the 5 seconds that the process has as a whole.
pub const SOFT: Duration = Duration::from_millis(4200);
/// How long tasks that watch the hard token may take to leave.
const HARD: Duration = Duration::from_millis(300);

/// Why the process ends with failure: a task that should run as long as the process ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the task {task} {how}")]
pub struct Failure {
    /// Which one.
    pub task: String,
    /// `ended by itself`, `failed: …` or `panicked: …`.
    pub how: String,
}

/// The end of the process, shared by all its tasks.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tracker: TaskTracker,
    running: Arc<Mutex<BTreeMap<u64, String>>>,
    failure: Arc<Mutex<Option<Failure>>>,
}

/// Tasks that are stopped together: those of the process, or those that one configuration runs.
#[derive(Debug, Clone)]
pub struct Tasks {
    shutdown: Shutdown,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// What a supervised task may return.
pub trait Outcome {
    /// What went wrong, if anything.
    fn problem(self) -> Option<String>;
}

impl Outcome for () {
    fn problem(self) -> Option<String> {
        None
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn problem(self) -> Option<String> {
        self.err().map(|error| format!("{error:#}"))
    }
}

impl Shutdown {
    /// Nothing runs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when everything should finish what it has begun.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when everything should leave at once.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// A group of tasks that ends with the process, or before it ([`Tasks::end`]) when a new configuration takes its place.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks { shutdown: self.clone(), stop: self.soft.child_token(), tracker: TaskTracker::new() }
    }

    /// Waits until a signal comes or a task ends by itself, then until every task has ended, at most 5 seconds.
    ///
    /// # Errors
    /// The task that ended by itself.
    pub async fn wait(&self, mut signals: impl Stream<Item = &'static str> + Unpin) -> Result<(), Failure> {
        tokio::select! {
            () = self.soft.cancelled() => {}
            Some(signal) = signals.next() => tracing::info!(signal, "stopping: what has begun is finished"),
        }
        self.soft.cancel();
        self.tracker.close();
        tokio::select! {
            () = self.tracker.wait() => {}
            () = tokio::time::sleep(SOFT) => tracing::warn!(running = self.running(), "stopping: some tasks take too long and are cut off"),
            Some(signal) = signals.next() => tracing::warn!(signal, running = self.running(), "stopping at once"),
        }
        self.hard.cancel();
        if tokio::time::timeout(HARD, self.tracker.wait()).await.is_err() {
            tracing::warn!(running = self.running(), "stopped without waiting for the end of some tasks");
        }
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn running(&self) -> String {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().cloned().collect::<Vec<_>>().join(", ")
    }

    fn fail(&self, task: &str, how: String) {
        tracing::error!(task, how, "a task ended by itself; the process ends");
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| Failure { task: task.to_owned(), how });
        self.soft.cancel();
    }
}

impl Tasks {
    /// Cancelled when these tasks should finish what they have begun.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The end of the process.
    #[must_use]
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Runs `task` until [`Tasks::stop`] is cancelled. When it ends before that, or panics at any time, the process ends with failure.
    pub fn spawn<F>(&self, name: impl Into<String>, task: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (name, number) = (name.into(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (shutdown, stop) = (self.shutdown.clone(), self.stop.clone());
        shutdown.running.lock().unwrap_or_else(PoisonError::into_inner).insert(number, name.clone());
        let supervised = async move {
            let how = match AssertUnwindSafe(task).catch_unwind().await {
                Err(panic) => Some(format!("panicked: {}", panic_message(&*panic))),
                Ok(outcome) => match outcome.problem() {
                    Some(problem) => Some(format!("failed: {problem}")),
                    None if stop.is_cancelled() => None,
                    None => Some("ended by itself".to_owned()),
                },
            };
            shutdown.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            if let Some(how) = how {
                shutdown.fail(&name, how);
            }
        };
        self.shutdown.tracker.spawn(self.tracker.track_future(supervised));
    }

    /// Asks the tasks to finish what they have begun, and waits until they have, or until everything should leave at once.
    pub async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        tokio::select! {
            () = self.tracker.wait() => {}
            () = self.shutdown.hard.cancelled() => {}
        }
    }
}

/// SIGTERM and SIGINT by name, for [`Shutdown::wait`]. From now on they do not kill the process by themselves.
///
/// # Errors
/// When the system does not let us catch signals.
pub fn stop_signals() -> io::Result<impl Stream<Item = &'static str> + Unpin + Send> {
    Ok(stream::select(each(SignalKind::terminate(), "SIGTERM")?, each(SignalKind::interrupt(), "SIGINT")?))
}

/// SIGHUP: read the configuration again.
///
/// # Errors
/// When the system does not let us catch signals.
pub fn reload_signals() -> io::Result<impl Stream<Item = &'static str> + Unpin + Send> {
    each(SignalKind::hangup(), "SIGHUP")
}

fn each(kind: SignalKind, name: &'static str) -> io::Result<impl Stream<Item = &'static str> + Unpin + Send> {
    let mut signals = signal(kind)?;
    Ok(stream::poll_fn(move |context| signals.poll_recv(context).map(|signal| signal.map(|()| name))))
}

/// Runs the process. Its end does not wait for what blocks outside of our tasks, such as the look-up of a name.
///
/// # Errors
/// When the system does not give us threads.
pub fn block_on<F: Future>(process: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let output = runtime.block_on(process);
    runtime.shutdown_background();
    Ok(output)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "without a message",
    }
}
