//! Signs of life: each task says when it showed progress (a request, a wait, a sleep after which the clock was read again).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A task without a sign of life for this long counts as stuck.
pub const STUCK_AFTER: Duration = Duration::from_mins(5);

/// What the task of a tenant is called.
#[must_use]
pub fn tenant_task(tenant: &str) -> String {
    format!("tenant {tenant}")
}

/// The last sign of life of each task, in machine time.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Progress {
    /// `task` is alive now. The first call announces it.
    pub fn beat(&self, task: &str) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tasks.get_mut(task) {
            Some(last) => *last = Instant::now(),
            None => drop(tasks.insert(task.to_owned(), Instant::now())),
        }
    }

    /// `task` has ended in order and is not expected to show progress any more.
    pub fn retire(&self, task: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
    }

    /// Tasks without a sign of life for [`STUCK_AFTER`], and for how long.
    #[must_use]
    pub fn stuck(&self) -> Vec<(String, Duration)> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().map(|(task, last)| (task.clone(), last.elapsed())).filter(|(_, silent)| *silent > STUCK_AFTER).collect()
    }
}
