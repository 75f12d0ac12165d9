//! The alert rules, checked and tried by promtool; and that rules and dashboard name no family that is not served.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::missing;

pub fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// Runs promtool beside the rules; `None` where it is not installed.
fn promtool(arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("promtool").args(arguments).current_dir(deploy("prometheus")).output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
}

#[test]
fn the_alert_rules_are_valid_and_fire_when_they_should_and_only_then() {
    for arguments in [&["check", "rules", "rules.yaml"][..], &["test", "rules", "rules_test.yaml"]] {
        let Some((good, said)) = promtool(arguments) else { return missing("promtool") };
        assert!(good, "{said}");
    }
}

#[test]
fn every_alert_says_what_it_means_and_is_tried() {
    let rules = std::fs::read_to_string(deploy("prometheus/rules.yaml")).unwrap();
    let tests = std::fs::read_to_string(deploy("prometheus/rules_test.yaml")).unwrap();
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 14);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["severity: ", "summary: ", "description: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        assert!(tests.contains(name), "no test of {name}");
    }
}

#[test]
fn rules_and_dashboard_ask_for_nothing_that_is_not_served() {
    let documented = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    for file in ["prometheus/rules.yaml", "grafana/dashboard.json"] {
        let text = std::fs::read_to_string(deploy(file)).unwrap();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let words: BTreeSet<&str> = text.split(|c| !is_name(c)).collect();
        let asked: Vec<&str> =
            words.into_iter().filter(|word| word.starts_with("entra_") || word.starts_with("entrawatch_")).collect();
        assert!(asked.len() > 10, "{file}");
        for name in asked {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            assert!(documented.contains(&format!("| `{family}`")), "{file} asks for {name}");
        }
    }
}

#[test]
fn the_dashboard_is_what_its_generator_writes() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv/bin/python");
    let has_generator = |python: &Path| {
        Command::new(python).args(["-c", "import grafana_foundation_sdk"]).output().is_ok_and(|output| output.status.success())
    };
    if !has_generator(&python) {
        return missing("tests/.venv with grafana-foundation-sdk (run tests/install)");
    }
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("dashboard.json");
    let generator = deploy("grafana/generate.py");
    let output = Command::new(python).arg("-B").arg(generator).arg(&written).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let [fresh, kept] = [written, deploy("grafana/dashboard.json")].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(fresh == kept, "deploy/grafana/dashboard.json is not what generate.py writes: run it");
}
