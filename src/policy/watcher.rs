//! What EntraWatch has to say about itself: what keeps it from seeing, or from telling. Told once to each recipient, and once when it is
//! over. A function of its input, like everything here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TransportKind;
use crate::clock::UtcTime;
use crate::inventory::Severity;

/// What has not held for this long is over: what comes and goes is one trouble, and not many.
const OVER_AFTER: TimeDelta = TimeDelta::hours(1);

/// At most one mail for a recipient in this time.
const AT_ONCE_EVERY: TimeDelta = TimeDelta::minutes(15);

/// What can be the matter.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::EnumIter,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Trouble {
    /// The tenant was not seen completely for `blind_after`.
    Blind,
    /// Microsoft refuses what EntraWatch asks: the sign-in, the permission.
    Refused,
    /// A permission that the configuration needs is missing; what it is for does not work, everything else does.
    Permission,
    /// So many objects are missing at once that the listing is not believed.
    Vanished,
    /// Something is due, and nobody is known to be told.
    NobodyToTell,
    /// A mail was given up.
    Undeliverable,
    /// Delta missed a change, and is off for the tenant.
    DeltaOff,
    /// A silence covers the last credential of an application, which ends within 7 days.
    Silenced,
    /// The credential that EntraWatch itself signs in with nears its end.
    OwnCredential,
    /// The end of that credential cannot be read: the tenant where the application lives is not watched.
    OwnUnknown,
}

impl Trouble {
    /// Whether its end is told too. That a credential's end is unknown is said once and for all, and that somebody silenced one.
    fn is_told_over(self) -> bool {
        !matches!(self, Self::OwnUnknown | Self::Silenced)
    }
}

/// What is the matter with what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Matter {
    /// The tenant (GUID).
    pub tenant: String,
    /// What is the matter.
    pub trouble: Trouble,
    /// With which recipient, which credential; empty: with the tenant as a whole.
    pub about: String,
}

/// Something that is the matter now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it is remembered by.
    pub matter: Matter,
    /// The tenant's label.
    pub tenant: String,
    /// Who is told.
    pub recipients: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Since when, where known; of a credential: when it ends.
    pub at: Option<UtcTime>,
    /// Why, in plain words: what Graph or the mail server said. Hostile text.
    pub why: String,
    /// Of a silence: the application. Hostile text.
    pub subject: String,
    /// Of a credential: the threshold that is crossed, in seconds before its end. A narrower one is told again.
    pub threshold: Option<i64>,
    /// It has only just begun, and may be over in a moment: not told yet, though what was told is not over either.
    pub is_young: bool,
}

/// The watcher's memory, stored as JSON: a field is only ever added, with a serde default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WatcherState {
    /// What was told by a folder does not count once there is another transport.
    pub transport: Option<TransportKind>,
    /// Who was told what.
    pub told: Vec<Told>,
}

/// That somebody was told of a matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of which.
    pub matter: Matter,
    /// The tenant's label then.
    pub tenant: String,
    /// Lower-cased address.
    pub recipient: String,
    /// See [`Condition::threshold`].
    pub threshold: Option<i64>,
    /// The mail that told it.
    pub mail: Uuid,
    /// Since when it has not held any more.
    pub absent_since: Option<UtcTime>,
    /// The mail that told that it is over.
    pub over: Option<Uuid>,
}

/// Everything a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct WatcherInput<'a> {
    /// Policy time.
    pub now: UtcTime,
    /// What is the matter now.
    pub conditions: &'a [Condition],
    /// What is over for certain: matters whose mere absence says nothing, such as a mail that arrived again.
    pub recovered: &'a BTreeSet<Matter>,
    /// The tenants that are configured (GUIDs): of others nothing more is said.
    pub tenants: &'a BTreeSet<String>,
    /// What was told.
    pub memory: &'a WatcherState,
    /// How mails leave.
    pub transport: TransportKind,
    /// Mails that nobody can have received, to be decided afresh.
    pub waiting: &'a BTreeSet<Uuid>,
    /// When the newest mail to a recipient that left, or is under way, was decided.
    pub left: &'a BTreeMap<String, UtcTime>,
}

/// One thing that a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It has begun.
    Begun(Condition),
    /// It is over.
    Over {
        /// What.
        matter: Matter,
        /// The tenant's label.
        tenant: String,
    },
}

impl Remark {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Begun(condition) => condition.severity,
            Self::Over { .. } => Severity::Info,
        }
    }
}

/// What was decided.
#[derive(Debug, Clone, Default)]
pub struct WatcherVerdict {
    /// What stays in memory whatever becomes of the mails.
    pub memory: WatcherState,
    /// What each recipient is to hear now, the worst first.
    pub letters: BTreeMap<String, Vec<Remark>>,
}

/// Decides what is said, and to whom.
#[must_use]
pub fn watch(input: &WatcherInput<'_>) -> WatcherVerdict {
    let told = remembered(input);
    let mut letters: BTreeMap<String, Vec<Remark>> = BTreeMap::new();
    for condition in input.conditions.iter().filter(|condition| !condition.is_young) {
        for recipient in &condition.recipients {
            let mut known = told.iter().filter(|told| told.matter == condition.matter && told.recipient == *recipient);
            let is_told = known.any(|told| condition.threshold.is_none_or(|now| told.threshold.is_some_and(|then| then <= now)));
            if !is_told {
                letters.entry(recipient.clone()).or_default().push(Remark::Begun(condition.clone()));
            }
        }
    }
    for told in &told {
        if told.matter.trouble.is_told_over() && told.absent_since.is_some_and(|since| input.now - since >= OVER_AFTER) {
            let over = Remark::Over { matter: told.matter.clone(), tenant: told.tenant.clone() };
            let letter = letters.entry(told.recipient.clone()).or_default();
            if !letter.contains(&over) {
                letter.push(over);
            }
        }
    }
    letters.retain(|recipient, _| may_leave(input, recipient));
    for letter in letters.values_mut() {
        letter.sort_by_key(|remark| Reverse(remark.severity()));
    }
    WatcherVerdict { memory: WatcherState { transport: Some(input.transport), told }, letters }
}

/// What was told and did arrive, or may have, with how long it has been over.
fn remembered(input: &WatcherInput<'_>) -> Vec<Told> {
    let memory = input.memory;
    if memory.transport == Some(TransportKind::Folder) && input.transport != TransportKind::Folder {
        return Vec::new();
    }
    let arrived = memory.told.iter().filter(|told| !input.waiting.contains(&told.mail));
    let stand = |told: &Told| {
        let over = told.over.filter(|mail| input.waiting.contains(mail));
        // Its end was told too.
        if told.over.is_some() && over.is_none() {
            return None;
        }
        let holds = input.conditions.iter().any(|condition| condition.matter == told.matter);
        let absent_since = (!holds).then(|| told.absent_since.filter(|since| *since <= input.now).unwrap_or(input.now));
        if !holds && !is_worth_an_end(input, told) {
            return None;
        }
        Some(Told { absent_since, over: None, ..told.clone() })
    };
    arrived.filter_map(stand).collect()
}

/// Whether the end of something is told, or merely forgotten.
fn is_worth_an_end(input: &WatcherInput<'_>, told: &Told) -> bool {
    match told.matter.trouble {
        // An address that no mail goes to any more has not begun to work.
        Trouble::Undeliverable => input.recovered.contains(&told.matter),
        // Another silence is another matter.
        Trouble::Silenced => false,
        Trouble::OwnUnknown => true,
        _ => input.tenants.contains(&told.matter.tenant),
    }
}

fn may_leave(input: &WatcherInput<'_>, recipient: &str) -> bool {
    // What left in the future left by a clock that was wrong.
    input.left.get(recipient).is_none_or(|left| *left > input.now || *left + AT_ONCE_EVERY <= input.now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(trouble: Trouble, threshold: Option<i64>) -> Condition {
        Condition {
            matter: Matter { tenant: "t".into(), trouble, about: String::new() },
            tenant: "contoso".into(),
            recipients: vec!["ops@example.com".into()],
            severity: Severity::Warning,
            at: None,
            why: String::new(),
            subject: String::new(),
            threshold,
            is_young: false,
        }
    }

    /// Looks at `minutes`; what is said is remembered as sent.
    fn look(memory: &mut WatcherState, conditions: &[Condition], minutes: i64) -> Vec<String> {
        let now = UtcTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let verdict = watch(&WatcherInput {
            now,
            conditions,
            recovered: &BTreeSet::new(),
            tenants: &BTreeSet::from(["t".to_owned()]),
            memory,
            transport: TransportKind::Smtp,
            waiting: &BTreeSet::new(),
            left: &BTreeMap::new(),
        });
        *memory = verdict.memory;
        let mut said = Vec::new();
        for remark in verdict.letters.into_values().flatten() {
            match remark {
                Remark::Begun(condition) => {
                    said.push(format!("{} begun", condition.matter.trouble));
                    memory.told.push(Told {
                        matter: condition.matter,
                        tenant: condition.tenant,
                        recipient: "ops@example.com".into(),
                        threshold: condition.threshold,
                        mail: Uuid::nil(),
                        absent_since: None,
                        over: None,
                    });
                }
                Remark::Over { matter, .. } => {
                    said.push(format!("{} over", matter.trouble));
                    memory.told.iter_mut().filter(|told| told.matter == matter).for_each(|told| told.over = Some(Uuid::nil()));
                }
            }
        }
        said
    }

    #[test]
    fn a_narrower_window_is_told_again_and_a_wider_one_is_not() {
        let mut memory = WatcherState::default();
        let own = |days: i64| [condition(Trouble::OwnCredential, Some(days * 86_400))];
        assert_eq!(look(&mut memory, &own(30), 0), ["own_credential begun"]);
        assert_eq!(look(&mut memory, &own(7), 60), ["own_credential begun"]);
        assert_eq!(look(&mut memory, &own(30), 120), Vec::<String>::new(), "the clock was set back");
        assert_eq!(look(&mut memory, &[], 180), Vec::<String>::new());
        assert_eq!(look(&mut memory, &[], 240), ["own_credential over"], "once, not once for each window");
        assert_eq!(look(&mut memory, &[], 300), Vec::<String>::new());
        assert!(memory.told.is_empty());
    }

    #[test]
    fn that_an_end_cannot_be_seen_is_said_once_and_for_all() {
        let mut memory = WatcherState::default();
        let unknown = [condition(Trouble::OwnUnknown, None)];
        assert_eq!(look(&mut memory, &unknown, 0), ["own_unknown begun"]);
        for minutes in [60, 120, 180] {
            assert_eq!(look(&mut memory, &[], minutes), Vec::<String>::new());
        }
        assert_eq!(look(&mut memory, &unknown, 240), Vec::<String>::new());
    }

    #[test]
    fn nobody_to_tell_is_told_once_and_when_it_is_over() {
        let mut memory = WatcherState::default();
        let nobody = [condition(Trouble::NobodyToTell, None)];
        assert_eq!(look(&mut memory, &nobody, 0), ["nobody_to_tell begun"]);
        assert_eq!(look(&mut memory, &nobody, 600), Vec::<String>::new());
        assert_eq!(look(&mut memory, &[], 660), Vec::<String>::new());
        assert_eq!(look(&mut memory, &[], 720), ["nobody_to_tell over"]);
    }

    #[test]
    fn what_a_folder_took_counts_no_more_once_mails_leave() {
        let told = Told {
            matter: condition(Trouble::Blind, None).matter,
            tenant: "contoso".into(),
            recipient: "ops@example.com".into(),
            threshold: None,
            mail: Uuid::nil(),
            absent_since: None,
            over: None,
        };
        let mut memory = WatcherState { transport: Some(TransportKind::Folder), told: vec![told] };
        assert_eq!(look(&mut memory, &[condition(Trouble::Blind, None)], 0), ["blind begun"]);
    }
}
