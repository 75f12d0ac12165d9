//! Where a reader of a list has got to. It names a position and not a number, so that rows that come and go meanwhile neither repeat nor
//! hide others; and it keeps the time of the first page, so that nothing changes its place while the clock runs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::row::{Position, Sort};
use crate::clock::UtcTime;

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The time the list is made up for.
    pub(super) as_of: UtcTime,
    /// How it is sorted.
    pub(super) sort: Sort,
    /// The last row that was read; `None`: none yet.
    pub(super) after: Option<Position<'static>>,
}

impl Cursor {
    /// As a word for addresses.
    pub(super) fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what [`Cursor::encode`] wrote.
    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}
