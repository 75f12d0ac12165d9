//! `entrawatch plan`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::Args;
use serde_json::json;

use super::File;
use super::output::{self, Format, instant};
use crate::app::tenants_beside;
use crate::clock::{SystemClock, TokioSleeper};
use crate::config::{Config, format_duration};
use crate::policy::{Notice, Via};
use crate::store::Store;
use crate::tenant::{Foreseen, Foresight};

/// Say who would be told what, now and at the next digest, and why, and when the next report leaves. Sends nothing, records nothing; may run beside the daemon.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    file: File,
    /// How to answer.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

const HEAD: [&str; 8] = ["WHEN", "TO", "WHAT", "APPLICATION", "CREDENTIAL", "ENDS", "SEVERITY", "BECAUSE"];

impl Plan {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.file.load_quietly()?.config;
        let plans = super::block_on(foresee(&config))?;
        let zone = config.policy.digest.timezone;
        match self.output {
            Format::Table => output::say(&table(&plans, config.mail.is_some(), zone))?,
            Format::Json => output::say(&output::json(&as_json(&plans)))?,
            Format::Csv => {
                let rows: Vec<_> = plans.iter().flat_map(|(_, plan)| plan.told.iter().map(|told| row(told, zone))).collect();
                output::say(&output::csv(HEAD, &rows)?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn foresee(config: &Config) -> anyhow::Result<Vec<(String, Foresight)>> {
    let store = Store::open(&config.store.url).await?;
    let tenants = tenants_beside(config, store.clone(), Arc::new(SystemClock), Arc::new(TokioSleeper))?;
    let mut plans = Vec::new();
    for (mut tenant, named) in tenants.into_iter().zip(&config.tenants) {
        plans.push((named.name.clone(), tenant.foresee().await?));
    }
    store.close().await;
    Ok(plans)
}

fn table(plans: &[(String, Foresight)], has_mail: bool, zone: Tz) -> String {
    let mut text = String::new();
    for (tenant, plan) in plans {
        let state = match plan.as_of {
            Some(as_of) => format!("as stored by the daemon, seen completely {}", instant(as_of, zone)),
            None => "read just now; no daemon has stored it yet".to_owned(),
        };
        let _ = writeln!(text, "{tenant}: {state}.");
        if let Some(problem) = &plan.problem {
            let _ = writeln!(text, "The last poll did not see everything: {problem}");
        }
        if !has_mail {
            let _ = writeln!(text, "There is no [mail], so nobody is told anything.\n");
            continue;
        }
        if plan.is_first {
            let _ = writeln!(
                text,
                "The first digest goes to the fallback recipients now, with everything that is due; others hear at the next slot."
            );
        }
        if plan.told.is_empty() {
            let until =
                plan.slot.map_or_else(|| "now".to_owned(), |slot| format!("now and at the next slot, {}", instant(slot, zone)));
            let _ = writeln!(text, "Nobody is told of any credential {until}.");
        }
        let rows: Vec<_> = plan.told.iter().map(|told| row(told, zone)).collect();
        let _ = writeln!(text, "{}", output::table(HEAD, &rows));
        if let Some((at, recipients)) = &plan.report {
            let _ = writeln!(text, "The next report leaves {}, to {}.\n", instant(*at, zone), recipients.join(", "));
        }
    }
    text
}

fn row(told: &Foreseen, zone: Tz) -> [String; 8] {
    let standing = &told.item.standing;
    let name = standing.credential.name.as_deref().unwrap_or("(no name)");
    [
        instant(told.at, zone),
        told.recipient.clone(),
        what(told),
        crate::mail::clean(&standing.object.object.display_name, 60),
        format!("{} {}", standing.credential.kind, crate::mail::clean(name, 40)),
        standing.credential.not_after.map_or_else(|| "never".to_owned(), |end| instant(end, zone)),
        told.item.severity.to_string(),
        because(&told.item.via),
    ]
}

fn what(told: &Foreseen) -> String {
    match told.item.notice {
        Notice::Expiring => format!("expiring {}", format_duration(TimeDelta::seconds(told.threshold))),
        notice => notice.to_string(),
    }
}

pub(super) fn because(via: &Via) -> String {
    match via {
        Via::Route(number) => format!("route {}", number + 1),
        Via::Owner => "owner".to_owned(),
        Via::ApplicationOwner => "owner of the application".to_owned(),
        Via::Notes => "the application's notes".to_owned(),
        Via::Fallback => "fallback: nobody else is known".to_owned(),
        Via::Baseline => "fallback: first digest of the tenant".to_owned(),
        Via::Escalation => "escalation: the end is near".to_owned(),
        Via::Undeliverable(address) => format!("fallback: mails to {address} are refused"),
    }
}

fn as_json(plans: &[(String, Foresight)]) -> serde_json::Value {
    let told = |told: &Foreseen| {
        let (object, credential) = (&told.item.standing.object.object, &told.item.standing.credential);
        json!({
            "at": told.at, "recipient": told.recipient, "notice": told.item.notice, "threshold_seconds": told.threshold,
            "severity": told.item.severity, "because": because(&told.item.via), "object_kind": object.key.kind,
            "object_id": object.key.id, "app_id": object.app_id, "app_name": object.display_name, "kind": credential.kind,
            "key_id": credential.key_id, "name": credential.name, "not_after": credential.not_after,
        })
    };
    let plan = |(tenant, plan): &(String, Foresight)| {
        json!({
            "tenant": tenant, "as_of": plan.as_of, "problem": plan.problem, "first_digest": plan.is_first,
            "next_slot": plan.slot, "told": plan.told.iter().map(told).collect::<Vec<_>>(),
            "next_report": plan.report.as_ref().map(|(at, recipients)| json!({ "at": at, "recipients": recipients })),
        })
    };
    json!(plans.iter().map(plan).collect::<Vec<_>>())
}
