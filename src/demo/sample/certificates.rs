//! Certificates: to sign in with, to sign SAML tokens with, to encrypt tokens with.

use super::Scene;
use super::life::{Event, Life};
use crate::demo::record::ObjectId;

pub(super) fn add(scene: &Scene<'_>, life: &mut Life) {
    sign_in(scene, life);
    saml(scene, life);
}

fn sign_in(scene: &Scene<'_>, life: &mut Life) {
    let people = &scene.people;
    let gateway = scene.app("SFTP Gateway", 750.0).owners(&[people.jonas]);
    let old = gateway.new_certificate("CN=sftp.contoso.example", -705.0, 24.7);
    life.at(scene.day(21.0), Event::Remove(gateway.application.id, old));

    scene
        .app("Terraform Automation", 500.0)
        .owners(&[people.wei, people.jonas])
        .certificate("CN=terraform", -353.0, 11.6)
        .secret("break glass", -100.0, 200.0);
    scene.app("Backup Orchestrator", 1_000.0).owners(&[people.jonas]).certificate("CN=backup-2025", -357.0, 8.1).certificate(
        "CN=backup-2026",
        -12.0,
        718.0,
    );
    let legacy = scene.app("Legacy Token Service", 2_000.0).application;
    scene.directory.add_symmetric_key(legacy.id, "shared key", scene.day(-1_800.0), scene.day(46.0));
    let vault = scene.app("Contract Vault", 620.0).owners(&[people.sofie]).application;
    scene.directory.add_token_encryption(vault.id, "CN=contract-vault", scene.day(-703.0), scene.day(26.4));
}

fn saml(scene: &Scene<'_>, life: &mut Life) {
    let people = &scene.people;
    let directory = scene.directory;
    let sso = |name: &str, owner: ObjectId| scene.app(name, 1_150.0).owners(&[owner]).application.principal;

    // The active one nears its end and nobody has made another.
    let salesforce = sso("Salesforce SSO", people.mateo);
    directory.set_notification_addresses(salesforce, &["sso-team@contoso.example"]);
    let only = directory.add_saml_certificate(salesforce, "CN=Salesforce", scene.day(-1_074.0), scene.day(21.5));
    directory.set_active_thumbprint(salesforce, Some(&only.thumbprint));

    // Another was made and is not active yet.
    let service_now = sso("ServiceNow SSO", people.anna);
    let old = directory.add_saml_certificate(service_now, "CN=ServiceNow", scene.day(-1_080.0), scene.day(15.5));
    let new = directory.add_saml_certificate(service_now, "CN=ServiceNow", scene.day(-10.0), scene.day(1_085.0));
    directory.set_active_thumbprint(service_now, Some(&old.thumbprint));
    life.at(scene.day(4.6), Event::Activate(service_now, new.thumbprint));

    // The new one is active; the old one is only still there.
    let workday = sso("Workday SSO", people.anna);
    directory.add_saml_certificate(workday, "CN=Workday", scene.day(-1_070.0), scene.day(25.5));
    let new = directory.add_saml_certificate(workday, "CN=Workday", scene.day(-30.0), scene.day(1_065.0));
    directory.set_active_thumbprint(workday, Some(&new.thumbprint));

    // Nobody ever said which one is active.
    let zoom = sso("Zoom SSO", people.sofie);
    directory.add_saml_certificate(zoom, "CN=Microsoft Azure Federated SSO Certificate", scene.day(-1_040.0), scene.day(54.0));

    // An identifier that is no thumbprint.
    let storage = sso("Box SSO", people.sofie);
    let only = directory.add_saml_certificate(storage, "CN=Box", scene.day(-1_067.0), scene.day(28.2));
    directory.use_long_identifier(storage, &only);
    directory.set_active_thumbprint(storage, Some(&only.thumbprint));

    // It has ended, and the other side did not look.
    let signatures = sso("DocuSign SSO", people.mateo);
    let ended = directory.add_saml_certificate(signatures, "CN=DocuSign", scene.day(-1_098.0), scene.day(-3.0));
    directory.set_active_thumbprint(signatures, Some(&ended.thumbprint));
}
