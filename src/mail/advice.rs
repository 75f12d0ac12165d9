//! What a mail would say about one credential, for our own pages: the same words in both places.

use chrono_tz::Tz;
use serde::Serialize;

use super::letter::{Guide, Link};
use super::situation::{Task, ended};
use super::{links, words};
use crate::clock::UtcTime;
use crate::inventory::{Posture, Severity, Standing};
use crate::outbox::digest::Item;
use crate::policy::{Notice, Via};
use crate::snapshot::TenantLabel;

/// What is to be known and done about a credential. Sentences may hold marks (see [`super::words`]).
#[derive(Debug, Clone, Serialize)]
pub struct Advice {
    /// What depends on it, what is to be known.
    pub sentences: Vec<String>,
    /// What to do, in order.
    pub guide: Option<Guide>,
    /// Where in the portal.
    pub portal: Option<Link>,
    /// The command line that silences it.
    pub silence: String,
}

/// Advises on a credential as of `now`, with times in `zone`.
#[must_use]
pub fn advice(standing: &Standing, severity: Severity, tenant: &TenantLabel, now: UtcTime, zone: Tz) -> Advice {
    let is_over = standing.credential.not_after.is_some_and(|end| end <= now);
    let notice = if is_over { Notice::Expired } else { Notice::Expiring };
    let item = Item { notice, severity, via: Via::Fallback, standing: standing.clone() };
    let guide = Task::of(&item).map(|task| Guide {
        title: words::guide::title(task, None),
        intro: words::guide::intro(task),
        steps: words::guide::steps(task, &links::Ids::of(&item), ended(&item, now)),
        outro: words::guide::outro(task, ended(&item, now)),
    });
    let portal = links::portal(&item, tenant).map(|href| Link { label: links::portal_label(&item).to_owned(), href, main: true });
    let is_inactive = standing.posture == Posture::Inactive;
    let sentences = match standing.credential.not_after {
        _ if is_inactive => vec![words::item::INACTIVE.to_owned()],
        None => vec![words::item::ENDLESS.to_owned()],
        Some(_) => words::item::sentences(&item, now, zone),
    };
    Advice { sentences, guide: guide.filter(|_| !is_inactive), portal, silence: links::silence(&item, tenant, now) }
}
