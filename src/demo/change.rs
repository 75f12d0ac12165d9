//! The directory's memory of what changed, from which delta queries are answered.

use super::record::{Collection, ObjectId};
use crate::clock::UtcTime;

/// What changed on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is new, or came back.
    Appeared,
    /// Secrets.
    Passwords,
    /// Certificates.
    Keys,
    /// Anything else that a delta query tracks.
    Properties,
    /// It was deleted and can be restored.
    Deleted,
    /// It was deleted for good.
    Purged,
}

/// One change. Its place in the log is its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: UtcTime,
    /// In which collection.
    pub collection: Collection,
    /// To which object.
    pub object: ObjectId,
    /// What.
    pub what: Changed,
}
