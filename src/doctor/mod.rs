//! `entrawatch doctor`: asks the real systems whether everything is there that EntraWatch needs, and says for each thing that is not what to
//! change and with which command. It changes nothing, sends nothing, and prints no secret.

mod commands;
mod finding;
mod mail;
mod tenant;

use std::fmt::Write as _;

pub use finding::{Finding, Verdict};

use crate::config::Config;
use crate::graph::Context;
use crate::store::Store;
use crate::telemetry::escape;

/// What was found, in the order in which things depend on each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Findings by what they are about: a tenant, the mail server, the store.
    pub parts: Vec<(String, Vec<Finding>)>,
}

/// Examines everything the configuration names.
pub async fn examine(config: &Config, context: &Context) -> Diagnosis {
    let mut parts = Vec::new();
    let mut owns = Vec::new();
    for tenant in &config.tenants {
        let found = tenant::examine(config, tenant, context).await;
        owns.extend(found.own);
        parts.push((format!("tenant {}", tenant.name), found.findings));
    }
    tenant::find_homeless(&mut parts, &owns);
    parts.push(("mail".to_owned(), vec![mail::examine(config, context).await]));
    parts.push(("store".to_owned(), vec![store(config).await]));
    Diagnosis { parts }
}

async fn store(config: &Config) -> Finding {
    let opened = match Store::open(&config.store.url).await {
        Ok(store) => {
            let is_empty = store.is_empty().await;
            store.close().await;
            is_empty
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(false) => Finding::ok("store", "can be opened, and holds what was seen and told before"),
        Ok(true) => Finding::ok("store", "can be opened, and is empty: the next start gives each tenant a first digest"),
        Err(error) => Finding::wrong("store", error.to_string()),
    }
}

impl Diagnosis {
    /// Whether EntraWatch would not work as configured.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.parts.iter().flat_map(|(_, findings)| findings).any(|finding| finding.verdict == Verdict::Wrong)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, findings) in &self.parts {
            let _ = writeln!(text, "{}", escape(name));
            for finding in findings {
                let _ = writeln!(text, "  {:<7}  {:<13}  {}", finding.verdict, finding.about, escape(&finding.what));
                if let Some(change) = &finding.change {
                    let _ = writeln!(text, "{:26}{}", "", escape(change));
                }
                for command in finding.command.iter().flat_map(|command| command.lines()) {
                    let _ = writeln!(text, "{:28}{}", "", escape(command));
                }
            }
            text.push('\n');
        }
        let count = |verdict: Verdict| {
            self.parts.iter().flat_map(|(_, findings)| findings).filter(|finding| finding.verdict == verdict).count()
        };
        let _ = match (count(Verdict::Wrong), count(Verdict::Advice)) {
            (0, 0) => writeln!(text, "Everything that EntraWatch needs is there."),
            (0, advice) => writeln!(text, "Everything that EntraWatch needs is there. Could be better: {advice}."),
            (wrong, 0) => writeln!(text, "To be mended: {wrong}."),
            (wrong, advice) => writeln!(text, "To be mended: {wrong}. Could be better: {advice}."),
        };
        text
    }
}
