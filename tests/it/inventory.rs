//! The table of cases of DESIGN section 3: what counts as a credential and how it stands.

use chrono::TimeDelta;
use entrawatch::inventory::{DirectoryObject, Judging, Matcher, Pattern, Standing, Watch, judge};

use crate::support::builder::{With as _, application, day, inventory, service_principal};

/// One line a credential: `key kind [excluded] [posture ←replacement] [last] [gap until day] [active|newer inactive …]`.
fn told(objects: Vec<DirectoryObject>, watch: &Watch) -> Vec<String> {
    let judging = Judging { tenant: "contoso", tenant_id: "t", watch, rotation_lead: TimeDelta::days(90) };
    let mut lines: Vec<String> = judge(&inventory(objects), judging, day(0.0)).iter().map(line).collect();
    lines.sort();
    lines
}

fn line(standing: &Standing) -> String {
    let mut words = vec![standing.credential.key_id.clone(), standing.credential.kind.to_string()];
    words.extend(standing.excluded.map(|reason| reason.to_string()));
    if standing.excluded.is_none() {
        words.push(standing.posture.to_string());
        words.extend(standing.replaced_by.as_ref().map(|by| format!("<-{}", by.key_id)));
        words.extend(standing.last_one.then(|| "last".to_owned()));
        words.extend(standing.gap_until.as_ref().map(|until| format!("gap to day {}", (*until - day(0.0)).num_days())));
        if let Some(saml) = &standing.saml {
            words.extend(saml.active.then(|| "active".to_owned()));
            words.extend(saml.newer_inactive.as_ref().map(|newer| format!("newer inactive {}", newer.key_id)));
        }
        words.extend(standing.self_renewing.then(|| "self-renewing".to_owned()));
    }
    words.join(" ")
}

#[track_caller]
fn expect(what: &str, objects: Vec<DirectoryObject>, lines: &[&str]) {
    assert_eq!(told(objects, &Watch::default()), lines, "{what}");
}

#[test]
fn kinds_are_told_apart() {
    expect(
        "a secret and a certificate",
        vec![application("a", "A").secret("s", -100.0, 20.0).key("c", "Verify", Some("x"), -100.0, 30.0)],
        &["c certificate sole last", "s secret sole"],
    );
    expect(
        "usage Sign without a partner, and an unknown usage",
        vec![application("a", "A").key("c", "Sign", Some("x"), -9.0, 300.0).key("d", "Novel", None, -9.0, 10.0)],
        &["c certificate sole last", "d certificate sole"],
    );
    expect(
        "the three SAML entries are one credential under the key id of the Sign entry",
        vec![service_principal("p", "P").saml("k", "AB", -900.0, 20.0)],
        &["k saml_signing sole last active"],
    );
    expect(
        "a null identifier groups nothing",
        vec![service_principal("p", "P").key("a", "Sign", None, -9.0, 300.0).key("b", "Verify", None, -9.0, 300.0)],
        &["a certificate sole last", "b certificate sole last"],
    );
    let mut named = service_principal("p", "P").key("e", "Verify", None, -9.0, 90.0).key("f", "Encrypt", None, -9.0, 90.0);
    named.token_encryption_key_id = Some("e".into());
    expect("token encryption by usage and by name", vec![named], &["e token_encryption sole", "f token_encryption sole"]);
}

#[test]
fn one_replacement_replaces_one_and_the_rest_are_parallel() {
    let rotated = |newer: (f64, f64)| vec![application("a", "A").secret("a", -355.0, 10.0).secret("b", newer.0, newer.1)];
    expect("a clean rotation", rotated((-5.0, 360.0)), &["a secret rotated <-b", "b secret sole last"]);
    expect("a replacement that starts tomorrow", rotated((1.0, 366.0)), &["a secret rotated <-b", "b secret sole last"]);
    expect("started over 90 days before the end: parallel", rotated((-100.0, 265.0)), &["a secret sole", "b secret sole last"]);
    expect(
        "starts after the end: a gap, and no rotation",
        rotated((20.0, 385.0)),
        &["a secret sole last gap to day 20", "b secret sole last"],
    );
    expect("outlives by less than 30 days: parallel", rotated((-60.0, 35.0)), &["a secret sole", "b secret sole last"]);
    expect(
        "short ones: half of the new one's life is enough",
        vec![application("a", "A").secret("a", -10.0, 2.0).secret("b", -1.0, 11.0)],
        &["a secret rotated <-b", "b secret sole last"],
    );
    expect(
        "two old ones and one new: the one that ends last is replaced",
        vec![application("a", "A").secret("a", -355.0, 10.0).secret("b", -340.0, 20.0).secret("n", -1.0, 364.0)],
        &["a secret sole", "b secret rotated <-n", "n secret sole last"],
    );
    expect(
        "another kind replaces nothing",
        vec![application("a", "A").secret("a", -355.0, 10.0).key("c", "Verify", None, -5.0, 360.0)],
        &["a secret sole", "c certificate sole last"],
    );
    expect(
        "another object replaces nothing",
        vec![application("a", "Same").secret("a", -355.0, 10.0), application("b", "Same").secret("b", -5.0, 360.0)],
        &["a secret sole last", "b secret sole last"],
    );
}

#[test]
fn what_ended_while_rotated_stays_rotated_when_the_replacement_goes() {
    use entrawatch::inventory::{absorb, credentials_of};
    let before = inventory([application("a", "A").secret("a", -355.0, -10.0).secret("b", -20.0, 345.0)]);
    let tracked = before.living().next().unwrap();
    let after = absorb(Some(tracked), application("a", "A").secret("a", -355.0, -10.0), String::new(), day(0.0));
    assert_eq!(credentials_of(&after.object).len(), 1);
    expect("gone after the old one's end", vec![after.object], &["a secret rotated <-b last"]);

    let before = inventory([application("a", "A").secret("a", -355.0, 10.0).secret("b", -5.0, 360.0)]);
    let tracked = before.living().next().unwrap();
    let undone = absorb(Some(tracked), application("a", "A").secret("a", -355.0, 10.0), String::new(), day(0.0));
    expect("gone before it: the rotation is undone", vec![undone.object], &["a secret sole last"]);
}

#[test]
fn the_last_one_is_counted_over_application_and_service_principal() {
    let pair = |sp_end: f64| {
        vec![
            application("a", "A").app_id("x").secret("s", -100.0, 20.0),
            service_principal("p", "A").app_id("x").key("c", "Verify", None, -100.0, sp_end),
        ]
    };
    expect("the service principal's lives longer", pair(50.0), &["c certificate sole last", "s secret sole"]);
    expect("two that end together are both last", pair(20.0), &["c certificate sole last", "s secret sole last"]);
    expect(
        "after its end, what is valid now counts",
        vec![application("a", "A").secret("o", -400.0, -10.0).secret("n", -5.0, 300.0)],
        &["n secret sole last", "o secret sole"],
    );
    let mut federated = application("a", "A").secret("s", -100.0, 20.0);
    federated.detail.federated = Some(1);
    expect("a federated credential signs in too", vec![federated], &["s secret sole"]);
    expect(
        "one without end",
        vec![application("a", "A").secret("s", -100.0, 20.0).endless_secret("e")],
        &["e secret sole", "s secret sole"],
    );
}

#[test]
fn saml_follows_the_active_certificate() {
    let principal = |preferred: Option<&str>| {
        let mut principal = service_principal("p", "P").saml("old", "AA", -1000.0, 20.0).saml("new", "BB", -5.0, 1090.0);
        principal.preferred_thumbprint = preferred.map(Into::into);
        vec![principal]
    };
    let waiting = ["new saml_signing inactive last", "old saml_signing sole active newer inactive new"];
    expect("the old one is active", principal(Some("AA")), &waiting);
    expect("unknown: the oldest still valid", principal(None), &waiting);
    expect(
        "the new one is active",
        principal(Some("bb")),
        &["new saml_signing sole last active", "old saml_signing inactive <-new"],
    );
}

#[test]
fn exclusions_have_reasons() {
    let mut managed = service_principal("m", "aks").key("c1", "Verify", None, -40.0, 50.0);
    managed.service_principal_type = Some("ManagedIdentity".into());
    let mut disabled = service_principal("d", "D").secret("s1", -9.0, 9.0);
    disabled.account_enabled = Some(false);
    let own = application("o", "D").app_id("app-d").secret("s2", -9.0, 9.0);
    let mut shared = application("q", "D2").app_id("app-d").secret("s3", -9.0, 9.0);
    shared.sign_in_audience = Some("AzureADMultipleOrgs".into());
    let mut deactivated = application("e", "E").secret("s4", -9.0, 9.0);
    deactivated.is_disabled = true;
    let mut suspended = application("f", "F").secret("s5", -9.0, 9.0);
    suspended.disabled_by_microsoft = Some("DisabledDueToViolationOfServicesAgreement".into());
    let mut fine = application("g", "G").secret("s6", -9.0, 9.0);
    fine.disabled_by_microsoft = Some("NotDisabled".into());
    let mut proxy = application("h", "H").secret("s7", -9.0, 9.0);
    proxy.passwords[0].display_name = Some("CWAP_AuthSecret".into());
    let legacy = application("i", "legacy-crm").secret("s8", -9.0, 9.0);
    let mut tagged = application("j", "J").secret("s9", -9.0, 9.0);
    tagged.tags = vec!["entrawatch:ignore".into()];
    let objects = vec![managed, disabled, own, shared, deactivated, suspended, fine, proxy, legacy, tagged];

    let ignore = vec![Matcher { app_name: Some(Pattern::new("Legacy-*").unwrap()), ..Matcher::default() }];
    let watch = Watch { ignore_tag: true, ignore, ..Watch::default() };
    assert_eq!(
        told(objects.clone(), &watch),
        [
            "c1 certificate excluded_managed_identity",
            "s1 secret excluded_disabled",
            "s2 secret excluded_disabled",
            "s3 secret sole last",
            "s4 secret excluded_disabled",
            "s5 secret excluded_disabled",
            "s6 secret sole last",
            "s7 secret excluded_platform",
            "s8 secret excluded_ignored",
            "s9 secret excluded_ignored",
        ]
    );
    let everything = Watch { managed_identities: true, disabled: true, ..Watch::default() };
    let excluded: Vec<_> = told(objects, &everything).into_iter().filter(|line| line.contains("excluded")).collect();
    assert_eq!(excluded, ["s7 secret excluded_platform"]);
}

#[test]
fn entra_connect_sync_renews_itself() {
    expect(
        "by its name",
        vec![application("a", "ConnectSyncProvisioning_DC1_ab12").key("c", "Verify", None, -80.0, 10.0)],
        &["c certificate sole last self-renewing"],
    );
}
