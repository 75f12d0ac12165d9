//! The files of `config/`: they work as they are, and show every key.

use std::collections::BTreeMap;

use entrawatch::config::reference::sections;
use entrawatch::config::{Loaded, Need, Problems, Sources, load};

const EXAMPLE: &str = include_str!("../../../config/example.toml");

/// A directory with the example and the files it speaks of.
pub fn beside_example(toml: &str) -> Result<Loaded, Problems> {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["proxy.example.com".to_owned()]).unwrap();
    let (authority, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let files = [
        ("client-secret", "a"),
        ("mail-password", "b"),
        ("mail-ca.pem", &authority),
        ("proxy-ca.pem", &authority),
        ("page-cert.pem", &authority),
        ("page-key.pem", &key),
        ("page-token", "c"),
    ];
    for (name, content) in [&files[..], &[("database-url", ""), ("entrawatch.toml", toml)]].concat() {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    std::fs::create_dir(directory.path().join("tenants.d")).unwrap();
    std::fs::write(directory.path().join("tenants.d/none.toml"), "").unwrap();
    load(&Sources { file: Some(directory.path().join("entrawatch.toml")), environment: BTreeMap::new() })
}

#[test]
fn the_examples_work_as_they_are() {
    for toml in [EXAMPLE, include_str!("../../../config/minimal.toml")] {
        let loaded = beside_example(toml).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.warnings, []);
    }
}

/// Optional keys stand behind a `#` without a space; what stands in place of another key, behind `# `.
#[test]
fn the_example_works_with_everything_in_it() {
    let key = |rest: &&str| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase());
    let whole = EXAMPLE.lines().map(|line| line.strip_prefix('#').filter(key).unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let loaded = beside_example(&whole).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((loaded.config.policy.routes.len(), loaded.config.policy.watch.ignore.len()), (3, 2));
    assert!(loaded.config.heartbeat.is_some());
    let http = loaded.config.http;
    let auth = http.auth.unwrap();
    assert!(http.tls.is_some() && auth.bearer.is_some() && auth.basic.keys().eq(["reader"]));
}

#[test]
fn the_example_has_every_key_and_shows_its_default() {
    for section in sections().iter().filter(|section| !section.heading.is_empty()) {
        let heading = section.heading.replace("[auth.NAME]", "[auth.main]");
        assert!(EXAMPLE.contains(&heading), "{heading} is not in config/example.toml");
        for key in section.keys {
            let written = EXAMPLE.lines().any(|line| {
                let line = line.trim_start_matches(['#', ' ']);
                line.starts_with(&format!("{} = ", key.name)) || section.heading == "match" && line.contains(key.name)
            });
            let table = EXAMPLE.contains(&format!("[{}.{}]", heading.trim_matches(['[', ']']), key.name));
            let later = matches!(key.need, Need::Later(_));
            assert!(written || table || later, "{} of {heading} is not in config/example.toml", key.name);
            if let Need::Default(default) = key.need
                && section.heading != "[[route]]"
                && key.name != "fallback"
                // Written without a #, it would be another place than the default under systemd.
                && (section.heading != "[store]" || key.name != "url")
            {
                assert!(
                    EXAMPLE.contains(&format!("\n{} = {default}\n", key.name)),
                    "{} of {heading} does not show {default}",
                    key.name
                );
            }
        }
    }
    assert!(EXAMPLE.contains("owners = true is the one key that mails the owners"));
}
