//! The letter of the regular report, and its file.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use strum::IntoEnumIterator as _;

use super::letter::{Block, Cell, Letter, Table, Tone};
use super::text::{cell, clean};
use super::{links, sheet, words};
use crate::clock::UtcTime;
use crate::inventory::{ObjectKind, Severity};
use crate::outbox::digest::Item;
use crate::policy::{Finding, Findings, Named, Notice, ReportEvery, Via};
use crate::snapshot::TenantLabel;

/// So many of a section are shown; the others stand in the attached file.
const SHOWN: usize = 10;

/// The name of the attached file.
pub const FILE: &str = "report.csv";

/// The regular report on one tenant to one recipient.
#[derive(Debug, Clone)]
pub struct Report {
    /// The tenant.
    pub tenant: Arc<TenantLabel>,
    /// Lower-cased address.
    pub recipient: String,
    /// When it was decided.
    pub at: UtcTime,
    /// How often it comes.
    pub every: ReportEvery,
    /// `alerts.max_lifetime`
    pub max_lifetime: TimeDelta,
    /// Where the tenant is not seen completely at present: since when, where it ever was.
    pub blind: Option<Option<UtcTime>>,
    /// What it says.
    pub findings: Arc<Findings>,
}

/// Words a report.
#[must_use]
pub fn letter(report: &Report, zone: Tz) -> Letter {
    let tenant = clean(&report.tenant.name, 80);
    let number = |finding| report.findings.with(finding).len();
    let (ending, ended) = (number(Finding::Ending), number(Finding::Ended));
    let mut blocks = vec![Block::Text { text: words::report::intro(report.every, FILE) }];
    blocks.extend(report.blind.map(|at| Block::Callout { tone: Tone::Warning, text: words::report::as_of(at, zone) }));
    blocks.extend(Finding::iter().flat_map(|finding| section(report, finding, zone)));
    if report.findings.owners_unread > 0 {
        blocks.push(Block::Text { text: words::report::unread(report.findings.owners_unread) });
    }
    let row = |(label, number): (String, usize)| {
        let number = Cell { text: number.to_string(), number: true, ..Cell::default() };
        vec![Cell { text: words::unmarked(&label), ..Cell::default() }, number]
    };
    blocks.push(Block::Heading { text: words::report::COVERAGE.to_owned() });
    let rows = words::report::numbers(&report.findings).into_iter().map(row).collect();
    blocks.push(Block::Table(Table { head: Vec::new(), rows }));
    Letter {
        language: words::LANGUAGE,
        subject: words::report::subject(report.every, &tenant, ending, ended),
        preview: format!("{}.", words::report::HEADING),
        tone: Tone::Info,
        kicker: format!(
            "{} · {}",
            words::report::name(report.every),
            words::digest::kicker(&tenant, &clean(&report.tenant.id, 80))
        ),
        heading: words::report::HEADING.to_owned(),
        blocks,
        footer: vec![words::report::why(), words::digest::sender(&tenant)],
    }
}

fn section(report: &Report, finding: Finding, zone: Tz) -> Vec<Block> {
    let named = report.findings.with(finding);
    if named.is_empty() {
        return Vec::new();
    }
    let head = words::report::section(finding, named.len(), &words::time::span(report.max_lifetime));
    let mut blocks = vec![
        Block::Heading { text: head },
        Block::Text { text: words::report::advice(finding).to_owned() },
        Block::Table(Table {
            head: words::report::COLUMNS.map(ToOwned::to_owned).into(),
            rows: named.iter().take(SHOWN).map(|named| row(report, named, zone)).collect(),
        }),
    ];
    if named.len() > SHOWN {
        blocks.push(Block::Text { text: words::report::more(named.len() - SHOWN, FILE) });
    }
    blocks
}

fn row(report: &Report, named: &Named, zone: Tz) -> Vec<Cell> {
    let standing = &named.standing;
    let item = Item { notice: Notice::Expiring, severity: Severity::Info, via: Via::Fallback, standing: standing.clone() };
    let end = standing.credential.not_after;
    let place = match standing.object.object.key.kind {
        ObjectKind::Application => None,
        ObjectKind::ServicePrincipal => Some(words::item::ENTERPRISE.to_owned()),
    };
    vec![
        Cell {
            text: words::item::application(&item),
            note: place,
            href: links::portal(&item, &report.tenant),
            ..Cell::default()
        },
        Cell {
            text: words::item::credential(&standing.credential),
            note: words::item::remark(&item).map(ToOwned::to_owned),
            ..Cell::default()
        },
        Cell {
            text: end.map_or_else(|| words::item::fate(&item, report.at), |end| words::time::short(end, zone)),
            note: end.map(|_| words::item::fate(&item, report.at)),
            ..Cell::default()
        },
    ]
}

/// Column headings. They are names for machines and stay the same in every language.
const HEAD: [&str; 14] = [
    "findings",
    "application",
    "object_kind",
    "object_id",
    "app_id",
    "kind",
    "credential",
    "key_id",
    "not_before",
    "not_after",
    "posture",
    "last_one",
    "reason",
    "first_seen",
];

/// Everything that is named, as a file.
pub fn csv(report: &Report) -> Result<Vec<u8>, csv::Error> {
    sheet::csv(HEAD, report.findings.named.iter().map(line))
}

fn line(named: &Named) -> [String; 14] {
    let (object, credential) = (&named.standing.object.object, &named.standing.credential);
    let instant = |at: Option<UtcTime>| at.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let findings: Vec<&str> = named.findings.iter().map(Into::into).collect();
    [
        findings.join(" "),
        cell(&object.display_name),
        object.key.kind.to_string(),
        cell(&object.key.id),
        cell(object.app_id.as_deref().unwrap_or_default()),
        credential.kind.to_string(),
        cell(credential.name.as_deref().unwrap_or_default()),
        cell(&credential.key_id),
        instant(credential.not_before),
        instant(credential.not_after),
        named.standing.posture.to_string(),
        named.standing.last_one.to_string(),
        named.reason.to_string(),
        instant(credential.first_seen),
    ]
}
