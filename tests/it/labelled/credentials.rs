//! Situations that lie in the credentials: how long they live, what stands beside them.

use super::{Scene, after};

/// What applies to the last credential of an application that Ann owns, with a life of over half a year.
const LAST: &str = "
    100: -
    62: -
    59: ann info
    45: ann info
    29: ann warning
    20: ann warning
    13: ann warning
    6: ann ops critical
    5: ann ops critical
    2.5: ann ops critical
    0.4: ann ops critical
    -0.5: ann ops critical
    -3: ann ops critical
    -10: ann ops warning
    -29: ann ops warning
    -40: -
    -400: -
";

/// The same where nobody is known to tell.
const LAST_OF_NOBODY: &str = "
    100: -
    59: ops info
    29: ops warning
    13: ops warning
    6: ops critical
    2.5: ops critical
    0.4: ops critical
    -1: ops critical
    -10: ops warning
    -40: -
";

pub fn plain(scene: &mut Scene) {
    scene.lives("the last secret of an application with an owner", LAST, |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days - 365.0, days)
    });
    scene.lives("the last certificate of an application with an owner", LAST, |scene, days| {
        let app = scene.owned("");
        scene.directory.add_certificate(app.id, "CN=x", after(days - 400.0), after(days))
    });
    scene.lives("the last secret of an application without owner", LAST_OF_NOBODY, |scene, days| {
        let app = scene.app("");
        scene.secret(app.id, days - 365.0, days)
    });
    scene.lives(
        "two secrets side by side",
        "59: ann info\n29: ann warning\n6: ann ops warning\n0.4: ann ops warning\n-1: ann ops warning\n-40: -",
        |scene, days| {
            let app = scene.owned("");
            scene.secret(app.id, -390.0, 330.0);
            scene.secret(app.id, -400.0, days)
        },
    );
    scene.lives(
        "a federated credential beside the last secret",
        "29: ann warning\n6: ann ops warning\n-1: ann ops warning",
        |scene, days| {
            let app = scene.owned("");
            scene.directory.add_federated(app.id, "github", "https://token.actions.githubusercontent.com", "repo:contoso/x");
            scene.secret(app.id, -300.0, days)
        },
    );
    scene.lives("a secret that never ends", "1: -\n2: -", |scene, _| {
        let app = scene.owned("");
        scene.directory.add_secret(app.id, "for ever", after(-300.0), None)
    });
    scene.lives("a secret whose end lies before its start", "6: ann ops critical\n29: ann warning", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days + 10.0, days)
    });
    scene.lives("a secret that starts later", "300: -", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, 10.0, days)
    });
    scene.lives("a secret as they were made before 2018", "29: ann warning\n6: ann ops critical", |scene, days| {
        let app = scene.owned("");
        scene.directory.add_legacy_secret(app.id, "jh_telemetry", after(-3000.0), after(days))
    });
    scene.lives("a symmetric key", "29: ann warning\n2.5: ann ops critical", |scene, days| {
        let app = scene.owned("");
        scene.directory.add_symmetric_key(app.id, "shared", after(-1000.0), after(days))
    });
    scene.lives("a hostile name", "29: ann warning", |scene, days| {
        let app = scene.named("", "<script>\r\nBcc: all@example.com \u{202e}\"'");
        scene.directory.add_owner(app.id, scene.ann);
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("two applications of one name", "29: ann warning\n200: -", |scene, days| {
        let app = scene.named("", "Reporting");
        scene.directory.add_owner(app.id, scene.ann);
        scene.secret(app.id, -300.0, days)
    });
}

pub fn short_lives(scene: &mut Scene) {
    scene.lives(
        "made to live ten days, the last one",
        "5: -\n2.5: -\n0.4: ann ops critical\n-1: ann ops critical",
        |scene, days| {
            let app = scene.owned("");
            scene.secret(app.id, days - 10.0, days)
        },
    );
    scene.lives("made to live ten days, beside another", "5: -\n0.4: -\n-1: -", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, -300.0, 300.0);
        scene.secret(app.id, days - 10.0, days)
    });
    scene.lives("made to live a month", "28: -\n13: -\n6: ann ops critical\n2.5: ann ops critical", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days - 30.0, days)
    });
    scene.lives("made to live a quarter", "59: -\n45: -\n29: ann warning\n13: ann warning", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days - 90.5, days)
    });
}

pub fn replaced(scene: &mut Scene) {
    scene.lives("replaced in time", "59: -\n29: -\n13: ann info\n6: ann info\n0.4: ann info\n-1: -\n-10: -", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days - 30.0, 400.0);
        scene.secret(app.id, days - 365.0, days)
    });
    scene.lives("replaced in time, without owner", "59: -\n13: ops info\n-1: -", |scene, days| {
        let app = scene.app("");
        scene.secret(app.id, days - 30.0, 400.0);
        scene.secret(app.id, days - 365.0, days)
    });
    scene.lives("a certificate replaced in time", "29: -\n13: ann info\n-1: -", |scene, days| {
        let app = scene.owned("");
        scene.directory.add_certificate(app.id, "CN=new", after(days - 40.0), after(700.0));
        scene.directory.add_certificate(app.id, "CN=old", after(days - 700.0), after(days))
    });
    scene.lives("a certificate beside a secret replaces nothing", "29: ann warning\n6: ann ops warning", |scene, days| {
        let app = scene.owned("");
        scene.directory.add_certificate(app.id, "CN=new", after(-10.0), after(700.0));
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("the newer one came long before the lead", "29: ann warning\n6: ann ops warning", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days - 120.0, 600.0);
        scene.secret(app.id, days - 365.0, days)
    });
    scene.lives(
        "the newer one starts after the end",
        "29: ann warning\n6: ann ops critical\n0.4: ann ops critical",
        |scene, days| {
            let app = scene.owned("");
            scene.secret(app.id, days + 4.0, days + 370.0);
            scene.secret(app.id, days - 365.0, days)
        },
    );
    scene.lives("the newer one hardly outlives it", "20: ann warning", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, -5.0, days + 10.0);
        scene.secret(app.id, -300.0, days)
    });
    scene.lives("replaced after the end", "-5: ann ops warning", |scene, days| {
        let app = scene.owned("");
        scene.secret(app.id, days + 2.0, 360.0);
        scene.secret(app.id, -400.0, days)
    });
    let app = scene.owned("two old ones and one new");
    let (first, second) = (scene.secret(app.id, -350.0, 12.0), scene.secret(app.id, -350.0, 13.0));
    scene.secret(app.id, -2.0, 360.0);
    scene.label(first, 12.0, "ann warning");
    scene.label(second, 13.0, "ann info");
    let app = scene.owned("two that end together are both last");
    let (first, second) = (scene.secret(app.id, -350.0, 6.0), scene.secret(app.id, -350.0, 6.0));
    scene.label(first, 6.0, "ann ops critical");
    scene.label(second, 6.0, "ann ops critical");
}
