//! Client secrets, one application for each way a secret can stand.

use super::Scene;
use super::life::{Event, Life};

pub(super) fn add(scene: &Scene<'_>, life: &mut Life) {
    nearing(scene, life);
    replaced(scene, life);
    shared(scene, life);
}

/// Inside each of the usual windows, and past the end.
fn nearing(scene: &Scene<'_>, life: &mut Life) {
    let people = &scene.people;
    scene.app("Customer Portal Backend", 670.0).owners(&[people.mateo]).secret("portal-prod", -672.0, 58.3);
    scene.app("Invoice Archive", 1_200.0).owners(&[people.sofie]).secret("archive", -701.0, 28.6);
    let connector = scene.app("HR Connector", 910.0).owners(&[people.anna, people.priya]);
    let old = connector.new_secret("SuccessFactors", -353.0, 12.7);
    life.rotate(scene.day(6.2), scene.day(9.1), connector.application.id, old, "SuccessFactors 2", 365);

    let payroll = scene.app("Payroll API", 1_460.0).owners(&[people.anna, people.priya]).tags(&["payroll", "critical"]);
    let old = payroll.new_secret("payroll-prod", -724.0, 6.4);
    life.rotate(scene.day(2.3), scene.day(4.4), payroll.application.id, old, "payroll-prod-next", 365);

    let scanners = scene.app("Warehouse Scanner Sync", 380.0).owners(&[people.jonas]);
    scanners.new_secret("scanners", -362.5, 2.6);
    life.at(scene.day(3.4), Event::Delete(scanners.application.id));

    let badges = scene.app("Badge Printing Service", 800.0).owners(&[people.wei]);
    let old = badges.new_secret("printer", -179.2, 0.8);
    life.rotate(scene.day(1.4), scene.day(1.5), badges.application.id, old, "printer (after the outage)", 180);

    scene.app("Travel Booking Bot", 200.0).owners(&[people.wei, people.mateo]).secret("bot", -180.0, 0.03);
    scene.app("Newsletter Sender", 390.0).owners(&[people.sofie]).secret("mailchimp", -366.1, -1.1);
    scene.app("Legacy Intranet", 2_600.0).secret("intranet 2019", -1_130.0, -400.0);
    let collector = scene.app("Telemetry Collector", 3_100.0).owners(&[people.jonas]).application;
    scene.directory.add_legacy_secret(collector.id, "telemetry-key", scene.day(-3_065.0), scene.day(33.2));
}

/// With a newer secret beside the old one, or what looks like it.
fn replaced(scene: &Scene<'_>, life: &mut Life) {
    let people = &scene.people;
    let loader = scene.app("Data Lake Loader", 720.0).owners(&[people.priya]);
    let old = loader.new_secret("loader-2025", -356.0, 9.2);
    loader.new_secret("loader-2026", -20.4, 344.6);
    life.at(scene.day(6.6), Event::Remove(loader.application.id, old));

    // Two consumers, two secrets, both needed.
    scene.app("Shop Frontend", 420.0).owners(&[people.mateo]).secret("web", -345.0, 20.2).secret("mobile", -341.0, 24.4);
    // The new one begins only after the old one has ended.
    scene.app("Fleet Telemetry", 560.0).owners(&[people.jonas]).secret("2026", -355.0, 10.1).secret("2027", 12.1, 377.0);
    scene.app("Loyalty Programme", 250.0).owners(&[people.sofie]).secret("points", -60.0, 305.0);
}

/// Where something else signs in too, or where nothing usual holds.
fn shared(scene: &Scene<'_>, life: &mut Life) {
    let people = &scene.people;
    let deploy = scene.app("GitHub Actions Deploy", 300.0).owners(&[people.wei]);
    let old = deploy.new_secret("before OIDC", -175.0, 4.8);
    scene.directory.add_federated(
        deploy.application.id,
        "main-branch",
        "https://token.actions.githubusercontent.com",
        "repo:contoso/shop:ref:refs/heads/main",
    );
    life.at(scene.day(10.2), Event::Remove(deploy.application.id, old));

    // A secret of the application and one of its service principal sign in as the same client.
    let suite = scene.app("SAP Integration Suite", 640.0).owners(&[people.anna]);
    suite.new_secret("cpi", -351.0, 14.3);
    scene.directory.add_secret(suite.application.principal, "az ad sp", scene.day(-120.0), scene.day(245.0));

    // Its service principal has no owners of its own and takes the application's.
    let warehouse = scene.app("Data Warehouse Export", 700.0).owners(&[people.priya]).application;
    scene.directory.add_secret(warehouse.principal, "rbac", scene.day(-346.0), scene.day(19.3));

    let bridge = scene.app("Mainframe Bridge", 2_700.0).owners(&[people.jonas]).application;
    scene.directory.add_secret(bridge.id, "do not touch", scene.day(-2_650.0), None);
    scene.app("Robotic Process Automation", 1_500.0).owners(&[people.mateo]).secret("uipath", -1_490.0, 99_600.0);
    scene.app("Migration Leftover", 900.0).secret("wrong way round", -30.0, -800.0);

    let runner = scene.app("Ephemeral CI Runner", 400.0).owners(&[people.wei]);
    let first = runner.new_secret("week", -3.0, 4.0);
    life.at(scene.day(3.5), Event::Weekly(runner.application.id, first));
    scene.app("Nightly Test Bench", 100.0).owners(&[people.wei]).secret("bench", -90.0, 275.0).secret("one-off", -1.0, 2.2);
}
