//! Routes: whom a rule of the configuration names for which credentials.

use crate::inventory::Matcher;

use super::Windows;

/// One `[[route]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `match`
    pub matcher: Matcher,
    /// `to`: checked, lower-cased.
    pub to: Vec<String>,
    /// The route's own thresholds, for what is not rotated.
    pub thresholds: Option<Windows>,
    /// How its mails are cut.
    pub batch: RouteBatch,
}

/// How the mails of a route are cut.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display,
)]
#[strum(serialize_all = "snake_case")]
pub enum RouteBatch {
    /// One mail a recipient.
    #[default]
    Recipient,
    /// One mail a recipient and application: for ticket mailboxes.
    App,
}
