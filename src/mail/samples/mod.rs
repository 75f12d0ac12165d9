//! One mail for every situation there is: what `entrawatch mail preview` shows, and what the tests look at.

mod bulletins;
mod make;
mod report;

pub use bulletins::bulletins;
pub use report::report;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use url::Url;
use uuid::Uuid;

use self::make::{Make, coverage, digest, now};
use super::render::{Rendered, Renderer};
use crate::inventory::Severity;
use crate::outbox::digest::{Digest, DigestKind, Item};
use crate::policy::Via;

/// A digest and the name of its files.
#[derive(Debug, Clone)]
pub struct Sample {
    /// File name without its ending.
    pub name: &'static str,
    /// What the mail says.
    pub digest: Digest,
}

/// A renderer for the samples: a zone with summer time, and pages of our own.
pub fn renderer() -> anyhow::Result<Renderer> {
    let from = "EntraWatch <entrawatch@example.com>".parse()?;
    Ok(Renderer::new(from, chrono_tz::Europe::Berlin, Url::parse("https://entrawatch.example.com").ok()))
}

/// Renders every sample strictly and writes it as `.eml`, `.html` and `.txt` into `dir`.
pub fn preview(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create the directory {}", dir.display()))?;
    let renderer = renderer()?;
    let mut mails = Vec::new();
    for sample in samples() {
        let mail = renderer.try_render(&sample.digest, id(&mails)).with_context(|| format!("sample {}", sample.name))?;
        mails.push((sample.name.to_owned(), mail));
    }
    for (name, bulletin) in bulletins() {
        let mail = renderer.render_bulletin(&bulletin, id(&mails));
        mails.push((name, mail));
    }
    mails.push(("report".to_owned(), renderer.render_report(&report(), id(&mails))));
    let mut written = Vec::new();
    for (name, mail) in mails {
        for (ending, content) in [("eml", &mail.message), ("html", &mail.html), ("txt", &mail.text)] {
            let path = dir.join(format!("{name}.{ending}"));
            std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
            written.push(path);
        }
    }
    Ok(written)
}

/// The id of the next of these mails.
fn id(mails: &[(String, Rendered)]) -> Uuid {
    Uuid::from_u128(mails.len() as u128 + 1)
}

/// Every situation, a mail each, and some with several.
#[must_use]
pub fn samples() -> Vec<Sample> {
    let sample = |name, items| Sample { name, digest: digest(items) };
    let mut samples: Vec<Sample> = alone().into_iter().map(|(name, make)| sample(name, vec![make.item()])).collect();
    samples.extend([
        sample("digest", mixed()),
        sample("digest-large", large(500)),
        sample("hostile", vec![Make::hostile().last_one().item(), Make::secret().last_one().item()]),
    ]);
    let mut stale = digest(vec![Make::secret().last_one().item()]);
    stale.as_of = Some(now() - chrono::TimeDelta::hours(7));
    samples.push(Sample { name: "as-of", digest: stale });
    for (name, items, owners) in [("baseline", mixed(), false), ("baseline-quiet", Vec::new(), true)] {
        let items = items.into_iter().map(|item: Item| Item { via: Via::Baseline, ..item }).collect();
        samples.push(Sample { name, digest: Digest { kind: DigestKind::Baseline(coverage(owners)), ..digest(items) } });
    }
    samples
}

/// Each situation alone.
fn alone() -> Vec<(&'static str, Make)> {
    let warning = Severity::Warning;
    vec![
        ("secret", Make::secret().last_one()),
        ("secret-expired", Make::secret().ends_in(-2).last_one()),
        ("secret-parallel", Make::secret().ends_in(14).severity(warning)),
        ("secret-federated", Make::secret().ends_in(14).severity(warning).federated()),
        ("certificate", Make::certificate().ends_in(7).last_one()),
        ("service-principal-secret", Make::secret().enterprise("Vendor Sync").ends_in(7).last_one()),
        ("service-principal-certificate", Make::certificate().enterprise("Vendor Sync").ends_in(7).last_one()),
        ("nps-extension", Make::certificate().multi_factor().ends_in(30).severity(warning)),
        ("exchange-hybrid", Make::certificate().exchange().ends_in(30).severity(warning)),
        ("saml-active", Make::saml().ends_in(30).severity(warning)),
        ("saml-newer-inactive", Make::saml().ends_in(3).last_one().newer_inactive()),
        ("saml-expired", Make::saml().ends_in(-1).last_one()),
        ("token-encryption", Make::token_encryption().ends_in(14).severity(warning)),
        ("rotated", Make::secret().ends_in(14).rotated()),
        ("gap", Make::secret().last_one().gap()),
        ("self-renewing", Make::self_renewing().ends_in(7).severity(warning)),
        ("resolved", Make::secret().ends_in(-1).resolved()),
    ]
}

/// A digest as a team gets it.
fn mixed() -> Vec<Item> {
    let warning = Severity::Warning;
    vec![
        Make::secret().last_one().item(),
        Make::saml().ends_in(3).last_one().newer_inactive().via(Via::Escalation).item(),
        Make::certificate().application("HR Import").ends_in(14).severity(warning).item(),
        Make::secret().application("Warehouse Robots").ends_in(14).severity(warning).via(Via::Fallback).item(),
        Make::secret().application("Invoice Mailer").ends_in(14).rotated().item(),
        Make::secret().application("Old Chat Bot").ends_in(-1).resolved().item(),
    ]
}

/// A digest of a neglected tenant.
fn large(number: usize) -> Vec<Item> {
    let item = |index: usize| {
        let days = i64::try_from(index / 10).unwrap_or_default() + 1;
        let make = match index % 3 {
            0 => Make::secret(),
            1 => Make::certificate(),
            _ => Make::saml(),
        };
        let make = make.application(&format!("Service {index:03}")).ends_in(days);
        let make = if days <= 3 { make.last_one() } else { make.severity(Severity::Warning) };
        make.via(Via::Fallback).item()
    };
    (0..number).map(item).collect()
}
