//! What is not watched, what renews itself, what came from elsewhere, and what is hard to show.

use uuid::Uuid;

use super::Scene;
use super::life::{Event, Life};
use crate::demo::record::Disabled;

/// The tenants that own Microsoft's own applications.
const MICROSOFT_SERVICES: Uuid = Uuid::from_u128(0xf8cd_ef31_a31e_4b4a_93e4_5f57_1e91_255a);

/// Azure Multi-Factor Auth Client: carries the certificate of the NPS extension.
const MULTI_FACTOR_CLIENT: Uuid = Uuid::from_u128(0x981f_26a1_7f43_403b_a875_f8b0_9b8c_d720);

/// Office 365 Exchange Online: carries the certificate of Exchange hybrid.
const EXCHANGE_ONLINE: Uuid = Uuid::from_u128(0x0000_0002_0000_0ff1_ce00_0000_0000_0000);

/// Microsoft Graph itself, which has no credentials here.
const MICROSOFT_GRAPH: Uuid = Uuid::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000);

/// Vendors' applications, and the tenant they live in.
const VENDOR_TENANT: Uuid = Uuid::from_u128(0x2f4a_1c7e_93b5_4d0e_8a61_7b5c_d904_e3f2);
const ACME_EXPENSE: Uuid = Uuid::from_u128(0x6e02_a9d4_5b17_4c8f_b3d0_91e7_46f8_2ac5);
const PDF_CONVERTER: Uuid = Uuid::from_u128(0xb81f_350c_7e29_4a64_9d12_0c5b_a37e_f618);
const SURVEY_TOOL: Uuid = Uuid::from_u128(0x49d7_e2b6_18fa_4f03_a7c9_d360_5e8b_1f74);

pub(super) fn add(scene: &Scene<'_>, life: &mut Life) {
    unwatched(scene, life);
    microsoft(scene);
    foreign(scene);
    owned_oddly(scene);
    hard_to_show(scene);
}

fn unwatched(scene: &Scene<'_>, life: &mut Life) {
    let directory = scene.directory;
    for (machine, resource, age) in [
        ("vm-build-01", "Microsoft.Compute/virtualMachines/vm-build-01", 70.0),
        ("func-invoice-prod", "Microsoft.Web/sites/func-invoice-prod", 30.0),
        ("aks-prod-agentpool", "Microsoft.ManagedIdentity/userAssignedIdentities/aks-prod-agentpool", 5.0),
    ] {
        let resource = format!("/subscriptions/5b2e6c1f-0d34-4c39-a8f5-2a7f3d9b4e60/resourceGroups/prod/providers/{resource}");
        let id = directory.add_managed_identity(machine, &resource);
        let key = directory.add_certificate(id, &format!("CN={machine}"), scene.day(-age), scene.day(90.0 - age));
        life.at(scene.day(45.0 - age), Event::Roll(id, key));
    }

    let survey = directory.add_service_principal("Old Survey Tool", SURVEY_TOOL, VENDOR_TENANT);
    directory.add_secret(survey, "provisioning", scene.day(-350.0), scene.day(15.0));
    directory.set_disabled(survey, Disabled::Account, true);
    // The application is on, and the service principal it signs in as is off.
    let crm = scene.app("Retired CRM Sync", 2_100.0).secret("crm", -720.0, 8.0).application;
    directory.set_disabled(crm.principal, Disabled::Account, true);
    let chatbot = scene.app("Pilot Chatbot", 160.0).owners(&[scene.people.wei]).secret("pilot", -150.0, 29.0).application;
    directory.set_disabled(chatbot.id, Disabled::Deactivated, true);
    life.at(scene.day(5.3), Event::Enable(chatbot.id, Disabled::Deactivated));
    let converter = directory.add_service_principal("Free PDF Converter", PDF_CONVERTER, VENDOR_TENANT);
    directory.add_secret(converter, "converter", scene.day(-40.0), scene.day(20.0));
    directory.set_disabled(converter, Disabled::ByMicrosoft, true);

    scene.app("Sandbox Playground", 90.0).tags(&["entrawatch:ignore"]).secret("try", -80.0, 10.0);
    scene.app("Expenses (application proxy)", 1_000.0).tags(&["WindowsAzureActiveDirectoryOnPremApp"]).secret(
        "CWAP_AuthSecret",
        -355.0,
        10.4,
    );
}

fn microsoft(scene: &Scene<'_>) {
    let directory = scene.directory;
    let network = directory.add_service_principal("Azure Multi-Factor Auth Client", MULTI_FACTOR_CLIENT, MICROSOFT_SERVICES);
    directory.add_certificate(network, "CN=Microsoft NPS Extension, OU=NPS-01", scene.day(-712.0), scene.day(17.8));
    let exchange = directory.add_service_principal("Office 365 Exchange Online", EXCHANGE_ONLINE, MICROSOFT_SERVICES);
    directory.add_certificate(exchange, "CN=Microsoft Exchange Server Auth Certificate", scene.day(-1_500.0), scene.day(320.0));
    directory.add_service_principal("Microsoft Graph", MICROSOFT_GRAPH, MICROSOFT_SERVICES);
    scene.app("ConnectSyncProvisioning_DC01_4f1d8a2c", 200.0).certificate("CN=Entra Connect Sync Provisioning", -85.0, 5.2);
    scene.app("SharePoint Online Client Extensibility Web Application Principal", 2_300.0).secret(
        "Extensibility",
        -2_290.0,
        15_800.0,
    );
}

fn foreign(scene: &Scene<'_>) {
    let directory = scene.directory;
    let expenses = directory.add_service_principal("Acme Expense", ACME_EXPENSE, VENDOR_TENANT);
    directory.add_owner(expenses, scene.people.mateo);
    directory.add_secret(expenses, "SCIM provisioning", scene.day(-347.0), scene.day(17.2));
    let connector = directory.add_legacy_principal("Lotus Notes Connector");
    directory.add_secret(connector, "connector", scene.day(-1_900.0), scene.day(39.0));
    let agent = directory.add_agent_blueprint("Procurement Agent");
    directory.add_owner(agent.id, scene.people.priya);
    directory.add_secret(agent.id, "blueprint", scene.day(-25.0), scene.day(65.0));
}

fn owned_oddly(scene: &Scene<'_>) {
    let people = &scene.people;
    scene.app("Orphaned Exporter", 1_700.0).secret("nobody knows", -702.0, 27.3);
    scene.app("Partner Data Exchange", 330.0).owners(&[people.guest]).secret("fabrikam", -337.0, 28.1);
    scene.app("Build Notifications", 260.0).owners(&[people.robot]).secret("teams webhook", -170.0, 10.6);
    let automation = scene.app("Access Review Automation", 210.0).owners(&[people.anna]).application;
    let reviews = scene.app("Access Review Reports", 205.0).secret("reports", -166.0, 13.4);
    reviews.owners(&[automation.principal]);
    scene
        .app("Helpdesk Ticketing", 480.0)
        .notes("Run by the service desk.\r\nnotify: helpdesk@contoso.example\r\nRunbook: KB0012345")
        .secret("zendesk", -338.0, 26.9);
    let reporting = scene.app("Reporting", 600.0).owners(&[people.priya]).secret("finance", -354.0, 10.9).application;
    scene.directory.set_service_reference(reporting.id, "CMDB-20417");
    scene.app("Reporting", 240.0).owners(&[people.mateo]).secret("sales", -165.0, 200.0);
}

fn hard_to_show(scene: &Scene<'_>) {
    scene
        .app("<script>alert(\"hello\")</script> & 'friends'\r\nBcc: everybody@contoso.example", 77.0)
        .owners(&[scene.people.jonas])
        .secret("\u{202e}desrever\u{202c} \u{1f511}\u{1f469}\u{200d}\u{1f4bb}, \"quoted\";=1+1", -176.0, 3.7);
    scene.app(&"\u{1f36a}".repeat(120), 12.0).secret("crumbs", -12.0, 168.0);
}
