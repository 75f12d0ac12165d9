//! Who is told about a credential, and how they came to be told.

use std::collections::HashMap;

use super::urgency::windows;
use super::{Recipients, RouteBatch, Rules, Via, Windows};
use crate::inventory::{DirectoryObject, Inventory, ObjectKind, Owner, OwnerKind, Posture, Standing, Subject};

/// Somebody to be told about a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Lower-cased address.
    pub recipient: String,
    /// How they came to be one.
    pub via: Via,
    /// Where their mails are cut by application: which one.
    pub batch: Option<String>,
    /// The thresholds at which they are told.
    pub windows: Windows,
}

/// Finds addressees; made once an evaluation.
#[derive(Debug)]
pub struct Directory<'a> {
    rules: &'a Rules,
    fallback: &'a [String],
    tenant: &'a str,
    tenant_id: &'a str,
    applications: HashMap<&'a str, &'a DirectoryObject>,
}

impl<'a> Directory<'a> {
    /// `fallback` is the tenant's own where it has one.
    #[must_use]
    pub fn new(rules: &'a Rules, fallback: &'a [String], tenant: &'a str, tenant_id: &'a str, inventory: &'a Inventory) -> Self {
        let applications = inventory.living().map(|tracked| &tracked.object);
        let applications = applications.filter(|object| object.key.kind == ObjectKind::Application);
        let applications = applications.filter_map(|object| Some((object.app_id.as_deref()?, object))).collect();
        Self { rules, fallback, tenant, tenant_id, applications }
    }

    /// Those to be told about a credential; `undeliverable` are addresses among them whose mail about it could not be delivered.
    #[must_use]
    pub fn addressees(&self, standing: &Standing, undeliverable: &[&str]) -> Vec<Addressee> {
        let alerts = &self.rules.alerts;
        let object = &standing.object.object;
        let subject = Subject { tenant: self.tenant, tenant_id: self.tenant_id, object, kind: Some(standing.credential.kind) };
        let route = self.rules.routes.iter().enumerate().find(|(_, route)| route.matcher.matches(subject));
        let own = route.and_then(|(_, route)| route.thresholds.as_ref());
        let all = windows(standing, alerts, own);
        let batch = route.filter(|(_, route)| route.batch == RouteBatch::App).map(|_| batch_of(object));
        let mut list = AddresseeList(Vec::new());

        match route {
            Some((number, route)) => route.to.iter().for_each(|to| list.add(to, Via::Route(number), batch.clone(), &all)),
            None => self.people(object).into_iter().for_each(|(address, via)| list.add(&address, via, None, &all)),
        }
        if list.0.is_empty() {
            self.fallback.iter().for_each(|address| list.add(address, Via::Fallback, None, &all));
        }
        if standing.posture == Posture::Sole {
            // Not those of a route: whoever has few mails in mind for a team does not mean to do without the safety net.
            let usual = windows(standing, alerts, None);
            let near = usual.filtered(|threshold| threshold <= self.rules.recipients.escalate_within);
            self.escalate().iter().for_each(|address| list.add(address, Via::Escalation, None, &near));
        }
        let dead: Vec<_> = undeliverable.iter().filter(|dead| list.0.iter().any(|known| known.recipient == **dead)).collect();
        for dead in dead {
            let others = self.fallback.iter().filter(|address| address != dead);
            others.for_each(|address| list.add(address, Via::Undeliverable((**dead).to_owned()), None, &all));
        }
        list.0
    }

    /// Where no addresses of its own are given, escalation goes to fallback: to the tenant's own where it has one.
    fn escalate(&self) -> &[String] {
        let recipients = &self.rules.recipients;
        if recipients.escalate == recipients.fallback { self.fallback } else { &recipients.escalate }
    }

    fn people(&self, object: &DirectoryObject) -> Vec<(String, Via)> {
        let recipients = &self.rules.recipients;
        let application = object.app_id.as_deref().and_then(|id| self.applications.get(id)).copied();
        let application = application.filter(|_| object.key.kind == ObjectKind::ServicePrincipal);
        let mut people = Vec::new();
        if recipients.owners {
            people = owners(recipients, object).map(|address| (address, Via::Owner)).collect();
            if people.is_empty()
                && let Some(application) = application
            {
                people = owners(recipients, application).map(|address| (address, Via::ApplicationOwner)).collect();
            }
        }
        if recipients.notes {
            let notes = [Some(object), application].into_iter().flatten().filter_map(|object| object.notes.as_deref());
            people.extend(
                notes
                    .flat_map(notify_lines)
                    .filter(|address| is_allowed(recipients, address))
                    .map(|address| (address, Via::Notes)),
            );
        }
        people
    }
}

/// The name of an application's own batch.
fn batch_of(object: &DirectoryObject) -> String {
    object.app_id.clone().unwrap_or_else(|| object.key.id.clone())
}

fn owners(recipients: &Recipients, object: &DirectoryObject) -> impl Iterator<Item = String> {
    let wanted = |owner: &&Owner| match owner.kind {
        OwnerKind::User => true,
        OwnerKind::Guest => recipients.guests,
        OwnerKind::ServicePrincipal | OwnerKind::Other => false,
    };
    let addresses = object.detail.owners.iter().flatten().filter(wanted).filter_map(|owner| as_address(owner.mail.as_deref()?));
    addresses.filter(|address| is_allowed(recipients, address))
}

/// Directory text is hostile: only what is an address becomes a recipient.
fn as_address(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let is_plain = text.chars().all(|c| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '<' | '>' | ','));
    (is_plain && email_address::EmailAddress::is_valid(&text)).then_some(text)
}

/// The addresses in lines `notify: a@example.com, b@example.com`.
fn notify_lines(notes: &str) -> Vec<String> {
    let lines = notes.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case("notify").then_some(value)
    });
    lines.flat_map(|value| value.split([',', ';', ' '])).filter_map(as_address).collect()
}

fn is_allowed(recipients: &Recipients, address: &str) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    recipients.allowed_domains.is_empty() || recipients.allowed_domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain))
}

/// Addressees without doubles: the first way to become one stays, the thresholds add up. Only who is told in somebody's place is told as
/// that, and not as one who would hear of it later anyway: the dead mail stays open until then.
struct AddresseeList(Vec<Addressee>);

impl AddresseeList {
    fn add(&mut self, recipient: &str, via: Via, batch: Option<String>, windows: &Windows) {
        match self.0.iter_mut().find(|known| known.recipient == recipient) {
            Some(known) => {
                known.windows = Windows::new(known.windows.iter().chain(windows.iter()));
                if known.via == Via::Escalation && matches!(via, Via::Undeliverable(_)) {
                    known.via = via;
                }
            }
            None => self.0.push(Addressee { recipient: recipient.to_owned(), via, batch, windows: windows.clone() }),
        }
    }
}
