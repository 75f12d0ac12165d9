//! One tenant, from its sign-in host to one owner.

use chrono::TimeDelta;
use strum::IntoEnumIterator as _;

use super::{Finding, commands};
use crate::clock::UtcTime;
use crate::config::{AuthConfig, Cloud, Config, TenantConfig, format_duration};
use crate::graph::{Client, Context, Discovery, Error, Want};
use crate::inventory::{ObjectKey, ObjectKind, OwnerKind};
use crate::own::{Home, InUse, Needs, OwnApplication, SignIn, without_home};

/// A clock that is further from Entra's than this is set.
const SKEWED: TimeDelta = TimeDelta::minutes(1);

/// Assertions of a clock that is further from Entra's than this are refused.
const WRONG: TimeDelta = TimeDelta::minutes(5);

/// EntraWatch's own credential is renewed when it ends within this.
const ENDS_SOON: TimeDelta = TimeDelta::days(30);

/// So many applications are asked for their owners.
const OWNERS_OF: usize = 20;

/// What was found of a tenant.
pub(super) struct Found {
    pub findings: Vec<Finding>,
    pub own: Option<OwnApplication>,
}

pub(super) async fn examine(config: &Config, tenant: &TenantConfig, context: &Context) -> Found {
    let client = Client::new(tenant, context.clone());
    let rules = &config.policy;
    let needs =
        Needs { owners: rules.recipients.owners || rules.routes.iter().any(|route| route.matcher.owner_domain.is_some()) };
    let mut findings = Vec::new();
    let found = client.discover().await;
    findings.push(cloud(tenant, &found));
    if let Ok(Discovery { date: Some(date), .. }) = &found {
        findings.push(clock(context.clock.now(), *date));
    }
    if let Err(error) = client.token().await {
        // Each refusal has a trace id of its own.
        let same = match (found.as_ref().err(), &error) {
            (Some(Error::SignIn(one)), Error::SignIn(other)) => one.code == other.code,
            (one, other) => one == Some(other),
        };
        findings.push(if same { Finding::skipped("sign-in", "for the same reason") } else { refused_sign_in(tenant, &error) });
        let why = "without a token nothing can be asked";
        findings.extend(["permissions", "itself", "listing", "owners"].map(|about| Finding::skipped(about, why)));
        return Found { findings, own: None };
    }
    findings.push(Finding::ok("sign-in", format!("Entra issues a token for {}", tenant.client_id)));
    let own = client.own(needs).await;
    match &own {
        Ok(own) => {
            findings.extend(permissions(tenant, own));
            findings.extend(itself(tenant, own, context.clock.now()));
        }
        Err(error) => findings.push(Finding::wrong("itself", format!("its own application cannot be read: {error}"))),
    }
    let missing = own.iter().flat_map(|own| &own.permissions).flat_map(|permissions| &permissions.missing);
    let missing: Vec<&str> = missing.map(|missing| missing.permission.as_str()).collect();
    findings.extend(listing(&client, needs, &missing).await);
    Found { findings, own: own.ok() }
}

/// Whether the configured Graph is that of the tenant's cloud.
fn cloud(tenant: &TenantConfig, found: &Result<Discovery, Error>) -> Finding {
    let configured = host(&tenant.graph_url);
    match found {
        Err(error) => Finding::wrong("tenant", error.to_string()),
        Ok(Discovery { tenant: id, graph_host: Some(host), .. }) if *host != configured => {
            let lives = Cloud::iter().find(|cloud| cloud.preset().graph.ends_with(&format!("//{host}")));
            let found =
                Finding::wrong("cloud", format!("tenant {id} has its Microsoft Graph at {host}, and {configured} is asked"));
            match lives {
                Some(cloud) => {
                    found.change(format!("write cloud = \"{cloud}\" into the tenant, and leave login_url and graph_url out"))
                }
                None => found.change(format!("write graph_url = \"https://{host}\" into the tenant")),
            }
        }
        Ok(Discovery { tenant: id, .. }) => {
            Finding::ok("cloud", format!("tenant {id} lives where it is looked for, at {configured}"))
        }
    }
}

fn host(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn clock(here: UtcTime, there: UtcTime) -> Finding {
    let skew = here - there;
    let side = if skew < TimeDelta::zero() { "behind" } else { "ahead of" };
    let what =
        format!("this machine's clock is {} {side} Entra's", format_duration(TimeDelta::seconds(skew.num_seconds().abs())));
    if skew.abs() <= SKEWED {
        return Finding::ok("clock", format!("within {} of Entra's", format_duration(SKEWED)));
    }
    let found = if skew.abs() < WRONG { Finding::advice("clock", what) } else { Finding::wrong("clock", what) };
    found.change("let it be set over the network, or every end is told at the wrong time:").command("timedatectl set-ntp true")
}

fn refused_sign_in(tenant: &TenantConfig, error: &Error) -> Finding {
    let found = Finding::wrong("sign-in", error.to_string());
    let Error::SignIn(refused) = error else { return found };
    match refused.code.and_then(|code| commands::mend_sign_in(tenant, code)) {
        Some(command) => found.command(command),
        None => found,
    }
}

fn permissions(tenant: &TenantConfig, own: &OwnApplication) -> Vec<Finding> {
    let Some(permissions) = &own.permissions else {
        return vec![Finding::skipped("permissions", "the token cannot be read; whether they are enough shows below")];
    };
    let mut findings = Vec::new();
    for missing in &permissions.missing {
        let what = format!("{} is missing; it is needed for {}", missing.permission, missing.needed_for);
        let later = match tenant.auth {
            AuthConfig::ManagedIdentity(_) => "grant it; Azure keeps the old token of a managed identity for up to a day",
            _ => "grant it, with admin consent",
        };
        let command = commands::grant(tenant, &own.client_id, &missing.permission);
        findings.push(Finding::wrong("permissions", what).change(later).command(command));
    }
    for superfluous in &permissions.superfluous {
        let what = format!("{} is superfluous: {}", superfluous.permission, superfluous.advice);
        let command = commands::revoke(tenant, &own.client_id, &superfluous.permission, superfluous.first.as_deref());
        findings.push(Finding::advice("permissions", what).command(command));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("permissions", format!("{}, and no more", permissions.held.join(", "))));
    }
    findings
}

/// The credential that EntraWatch itself signs in with.
fn itself(tenant: &TenantConfig, own: &OwnApplication, now: UtcTime) -> Option<Finding> {
    let Some(used) = own.in_use() else {
        return match own.home {
            // Told once for all tenants.
            Home::Elsewhere(_) if own.is_homeless() => None,
            _ if matches!(own.sign_in, SignIn::Secret | SignIn::Certificate) => {
                Some(Finding::advice("itself", format!("which {} it signs in with cannot be told", own.sign_in)))
            }
            _ => Some(Finding::ok("itself", format!("signs in by {}: nothing of its own can end", own.sign_in))),
        };
    };
    let which = if used.in_use == InUse::Yes { "the" } else { "as far as can be told, the" };
    let Some(end) = used.not_after else {
        return Some(Finding::advice("itself", format!("{which} {} it signs in with never ends", own.sign_in)));
    };
    let left = end - now;
    let what = format!(
        "{which} {} it signs in with ends on {} UTC, in {} days",
        own.sign_in,
        end.format("%Y-%m-%d %H:%M"),
        left.num_days()
    );
    if left > ENDS_SOON {
        return Some(Finding::ok("itself", what));
    }
    let found = Finding::advice("itself", what)
        .change("make the next one and put it where the configuration points; no restart is needed:");
    Some(found.command(commands::renew(tenant, &own.client_id)))
}

async fn listing(client: &Client, needs: Needs, missing: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut applications = Vec::new();
    for (kind, name) in [(ObjectKind::Application, "applications"), (ObjectKind::ServicePrincipal, "service principals")] {
        match client.first_page(kind).await {
            Ok(page) => {
                let more = if page.more { " on the first page, and more behind it" } else { "" };
                let unread = match page.undecodable {
                    0 => String::new(),
                    count => format!("; {count} cannot be read"),
                };
                findings.push(Finding::ok("listing", format!("{} {name}{more}{unread}", page.objects.len())));
                if kind == ObjectKind::Application {
                    applications = page.objects;
                }
            }
            Err(Error::Denied { permission, .. }) if missing.contains(&permission) => {
                findings.push(Finding::wrong("listing", format!("{name} are denied for want of {permission}, see above")));
            }
            Err(error) => findings.push(Finding::wrong("listing", format!("{name}: {error}"))),
        }
    }
    findings.push(owners(client, applications, needs, missing).await);
    findings
}

async fn owners(client: &Client, applications: Vec<ObjectKey>, needs: Needs, missing: &[&str]) -> Finding {
    const ABOUT: &str = "owners";
    let want = |key| Want { key, credentials: false, owners: true, thumbprints: false };
    let wants: Vec<Want> = applications.into_iter().take(OWNERS_OF).map(want).collect();
    if wants.is_empty() {
        return Finding::skipped(ABOUT, "no application was listed whose owners could be read");
    }
    let mut users = Vec::new();
    let mut problem = None;
    for (_, reading) in client.read(&wants).await {
        match reading {
            Ok(reading) => {
                users.extend(reading.detail.owners.unwrap_or_default());
                problem = problem.or(reading.problems.into_iter().next());
            }
            Err(error) => problem = problem.or(Some(error.to_string())),
        }
    }
    users.retain(|owner| matches!(owner.kind, OwnerKind::User | OwnerKind::Guest));
    let Some(readable) = users.iter().find(|owner| !owner.limited).or(users.first()) else {
        return match problem {
            Some(problem) => Finding::wrong(ABOUT, problem),
            None => Finding::ok(ABOUT, format!("none of the first {} applications has a user as owner", wants.len())),
        };
    };
    match (readable.limited, needs.owners) {
        (true, true) if !missing.is_empty() => {
            Finding::wrong(ABOUT, format!("come without names and addresses for want of {}, see above", missing.join(" and ")))
        }
        (true, true) => Finding::wrong(ABOUT, problem.unwrap_or_else(|| "their addresses cannot be read".to_owned())),
        (true, false) => Finding::ok(ABOUT, "come without addresses, which are not needed: recipients.owners is false"),
        (false, _) => Finding::ok(ABOUT, "can be read, with their addresses"),
    }
}

/// Says of each application that is registered in none of the tenants that its own credentials cannot be seen.
pub(super) fn find_homeless(parts: &mut [(String, Vec<Finding>)], known: &[OwnApplication]) {
    let Some((_, findings)) = parts.last_mut() else { return };
    for (client_id, home) in without_home(known) {
        let home = home.map_or_else(|| "its home tenant".to_owned(), |home| format!("tenant {home}"));
        findings.push(
            Finding::advice(
                "itself",
                format!("{client_id} is registered in {home}, which is not watched, so the end of its credentials is not seen"),
            )
            .change(format!("add {home} as a [[tenant]]")),
        );
    }
}
