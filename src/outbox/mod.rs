//! From decisions to mails that have left: what belongs into one mail ([`digest`]), its delivery ([`deliver`]), how that goes ([`status`]).

pub mod deliver;
pub mod digest;
mod retry;
pub mod status;
