//! Situations that lie in the object, in what is watched, and in who there is to be told.

use entrawatch::demo::{Application, Disabled, ObjectId};
use uuid::Uuid;

use super::{Scene, after};

const VENDOR: Uuid = Uuid::from_u128(0x2f4a_1c7e_93b5_4d0e_8a61_7b5c_d904_e3f2);
const MICROSOFT: Uuid = Uuid::from_u128(0xf8cd_ef31_a31e_4b4a_93e4_5f57_1e91_255a);

pub fn principals(scene: &mut Scene) {
    let foreign = |scene: &mut Scene| {
        scene.number += 1;
        let app_id = Uuid::from_u128(0x6e02 + scene.number as u128);
        scene.directory.add_service_principal(&format!("Vendor {}", scene.number), app_id, VENDOR)
    };
    scene.lives(
        "a vendor's service principal with an owner",
        "59: ann info\n29: ann warning\n6: ann ops critical\n-1: ann ops critical",
        |scene, days| {
            let principal = foreign(scene);
            scene.directory.add_owner(principal, scene.ann);
            scene.secret(principal, -300.0, days)
        },
    );
    scene.lives("a vendor's service principal without owner", "29: ops warning\n6: ops critical", |scene, days| {
        let principal = foreign(scene);
        scene.secret(principal, -300.0, days)
    });
    scene.lives(
        "a service principal whose application is here has that one's owner",
        "29: ann warning\n6: ann ops critical",
        |scene, days| {
            let app = scene.owned("");
            scene.secret(app.principal, -300.0, days)
        },
    );
    scene.lives(
        "the application has another where the service principal's ends",
        "29: ann warning\n6: ann ops warning",
        |scene, days| {
            let app = scene.owned("");
            scene.secret(app.id, -390.0, 330.0);
            scene.secret(app.principal, -400.0, days)
        },
    );
    scene.lives("a legacy service principal", "29: ops warning", |scene, days| {
        let principal = scene.directory.add_legacy_principal("Lotus Notes Connector");
        scene.secret(principal, -300.0, days)
    });
    scene.lives("an agent identity blueprint", "29: ann warning", |scene, days| {
        let agent = scene.directory.add_agent_blueprint("Procurement Agent");
        scene.directory.add_owner(agent.id, scene.ann);
        scene.secret(agent.id, -300.0, days)
    });
    scene.lives("the certificate of the NPS extension", "29: ops warning", |scene, days| {
        let id = Uuid::from_u128(0x981f_26a1_7f43_403b_a875_f8b0_9b8c_d720);
        let principal = scene.directory.add_service_principal("Azure Multi-Factor Auth Client", id, MICROSOFT);
        scene.directory.add_certificate(principal, "CN=NPS", after(-700.0), after(days))
    });
    scene.lives("the Auth certificate of Exchange hybrid", "6: ops critical", |scene, days| {
        let id = Uuid::from_u128(0x0000_0002_0000_0ff1_ce00_0000_0000_0000);
        let principal = scene.directory.add_service_principal("Office 365 Exchange Online", id, MICROSOFT);
        scene.directory.add_certificate(principal, "CN=Auth", after(-1500.0), after(days))
    });
    scene.lives("a token encryption certificate", "59: ann info\n29: ann warning\n6: ann ops warning", |scene, days| {
        let app = scene.owned("");
        scene.directory.add_token_encryption(app.id, "CN=vault", after(-700.0), after(days))
    });
}

pub fn saml(scene: &mut Scene) {
    let add = |scene: &Scene, app: &Application, from: f64, to: f64| {
        scene.directory.add_saml_certificate(
            app.principal,
            "CN=Microsoft Azure Federated SSO Certificate",
            after(from),
            after(to),
        )
    };
    scene.lives("the SAML certificate in use", "100: -\n59: ann info\n29: ann warning\n13: ann warning\n6: ann ops critical\n2.5: ann ops critical\n-1: ann ops critical\n-10: ann ops warning\n-40: -", |scene, days| {
        let app = scene.owned("");
        let certificate = add(scene, &app, days - 1095.0, days);
        scene.directory.set_active_thumbprint(app.principal, Some(&certificate.thumbprint));
        certificate.key_id
    });
    scene.lives(
        "the SAML certificate in use, a newer one waits",
        "59: ann info\n29: ann warning\n6: ann ops warning\n-1: ann ops warning",
        |scene, days| {
            let app = scene.owned("");
            let old = add(scene, &app, days - 1095.0, days);
            add(scene, &app, days - 30.0, 1065.0);
            scene.directory.set_active_thumbprint(app.principal, Some(&old.thumbprint));
            old.key_id
        },
    );
    scene.lives("an old SAML certificate beside the one in use", "29: -\n6: -\n0.4: -\n-1: -", |scene, days| {
        let app = scene.owned("");
        let old = add(scene, &app, days - 1095.0, days);
        let new = add(scene, &app, days - 30.0, 1065.0);
        scene.directory.set_active_thumbprint(app.principal, Some(&new.thumbprint));
        old.key_id
    });
    scene.lives("a SAML certificate where nobody says which is in use", "29: ann warning\n6: ann ops critical", |scene, days| {
        let app = scene.owned("");
        add(scene, &app, days - 1095.0, days).key_id
    });
    scene.lives("a SAML certificate with the long identifier of older guides", "29: ann warning", |scene, days| {
        let app = scene.owned("");
        let certificate = add(scene, &app, days - 1095.0, days);
        scene.directory.use_long_identifier(app.principal, &certificate);
        scene.directory.set_active_thumbprint(app.principal, Some(&certificate.thumbprint));
        certificate.key_id
    });
}

pub fn unwatched(scene: &mut Scene) {
    scene.lives("a managed identity", "29: -\n6: -", |scene, days| {
        let identity = scene.directory.add_managed_identity(&format!("vm-{days}"), "/subscriptions/x");
        scene.directory.add_certificate(identity, "CN=vm", after(days - 90.0), after(days))
    });
    for (way, situation) in [
        (Disabled::Account, "a service principal that may not sign in"),
        (Disabled::Deactivated, "an application that was deactivated"),
        (Disabled::ByMicrosoft, "an application that Microsoft disabled"),
    ] {
        scene.lives(situation, "29: -\n6: -", |scene, days| {
            let app = scene.owned("");
            let id = if matches!(way, Disabled::Account) { app.principal } else { app.id };
            scene.directory.set_disabled(id, way, true);
            scene.secret(id, -300.0, days)
        });
    }
    scene.lives("a single-tenant application whose service principal is off", "6: -", |scene, days| {
        let app = scene.owned("");
        scene.directory.set_disabled(app.principal, Disabled::Account, true);
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("an application of many tenants whose service principal here is off", "29: ann warning", |scene, days| {
        let app = scene.owned("");
        scene.directory.set_audience(app.id, "AzureADMultipleOrgs");
        scene.directory.set_disabled(app.principal, Disabled::Account, true);
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("ignored by a rule", "29: -\n6: -\n-1: -", |scene, days| {
        let app = scene.named("", &format!("legacy-{days}"));
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("ignored by a tag", "6: -", |scene, days| {
        let app = scene.owned("");
        scene.directory.set_tags(app.id, &["entrawatch:ignore"]);
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("Application Proxy's own secret", "6: -", |scene, days| {
        let app = scene.owned("");
        scene.directory.add_secret(app.id, "CWAP_AuthSecret", after(-355.0), after(days))
    });
    scene.lives("Entra Connect Sync's own certificate", "29: -\n13: -\n6: ops critical\n-1: ops critical", |scene, days| {
        let app = scene.named("", &format!("ConnectSyncProvisioning_DC{days}_4f1d8a2c"));
        scene.directory.add_certificate(app.id, "CN=Entra Connect Sync Provisioning", after(days - 90.0), after(days))
    });
    scene.lives("silenced as an application", "29: -\n-1: -", |scene, days| {
        let app = scene.named("", &format!("quiet-{days}"));
        scene.secret(app.id, -300.0, days)
    });
    let app = scene.owned("deleted before it was seen");
    let key_id = scene.secret(app.id, -300.0, 6.0);
    scene.directory.delete(app.id);
    scene.label(key_id, 6.0, "-");
}

pub fn recipients(scene: &mut Scene) {
    let owner = |scene: &mut Scene, owner: ObjectId, days: f64| {
        let app = scene.app("");
        scene.directory.add_owner(app.id, owner);
        scene.secret(app.id, -300.0, days)
    };
    let (nobody, guest, foreign) = (
        scene.directory.add_user("No Mailbox", None),
        scene.directory.add_guest("Gus Guest", "gus@example.com"),
        scene.directory.add_user("Fay Foreign", Some("fay@elsewhere.example")),
    );
    let robot = scene.app("an application owns another").principal;
    scene.lives("an owner without mailbox", "29: ops warning\n6: ops critical", |scene, days| owner(scene, nobody, days));
    scene.lives("a guest as the only owner", "29: ops warning", |scene, days| owner(scene, guest, days));
    scene.lives("an application as the only owner", "29: ops warning", |scene, days| owner(scene, robot, days));
    scene.lives("an owner at a domain that is not allowed", "29: ops warning", |scene, days| owner(scene, foreign, days));
    scene.lives(
        "two owners",
        "59: ann bob info\n29: ann bob warning\n6: ann bob ops critical\n-1: ann bob ops critical",
        |scene, days| {
            let app = scene.owned("");
            scene.directory.add_owner(app.id, scene.bob);
            scene.secret(app.id, days - 365.0, days)
        },
    );
    scene.lives("a line in the notes", "29: desk warning\n6: desk ops critical", |scene, days| {
        let app = scene.app("");
        scene.directory.set_notes(app.id, Some("Run by the desk.\r\nnotify: desk@example.com\r\nKB0012345"));
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("a line in the notes beside an owner", "29: ann desk warning", |scene, days| {
        let app = scene.owned("");
        scene.directory.set_notes(app.id, Some("notify: Desk@example.com"));
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("a line in the notes that leads outside", "29: ops warning", |scene, days| {
        let app = scene.app("");
        scene.directory.set_notes(app.id, Some("notify: thief@evil.example"));
        scene.secret(app.id, -300.0, days)
    });
    scene.lives(
        "a route takes the owners' place",
        "59: team info\n29: team warning\n6: team ops critical\n-1: team ops critical\n-40: -",
        |scene, days| {
            let app = scene.named("", &format!("payroll-{days}"));
            scene.directory.add_owner(app.id, scene.ann);
            scene.secret(app.id, days - 365.0, days)
        },
    );
    scene.lives(
        "a route with thresholds of its own",
        "29: -\n9: late warning\n6: late ops critical\n-1: late ops critical",
        |scene, days| {
            let app = scene.named("", &format!("late-{days}"));
            scene.secret(app.id, days - 365.0, days)
        },
    );
    scene.lives("a route to a ticket mailbox", "29: tickets warning\n28: tickets warning", |scene, days| {
        let app = scene.app("");
        scene.directory.set_tags(app.id, &["ticket"]);
        scene.secret(app.id, days - 365.0, days)
    });
}
