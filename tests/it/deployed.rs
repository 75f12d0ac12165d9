//! As services and containers run it: what systemd hears, and what is said where a volume, a user or an environment is not as it
//! should be. The same mistakes inside the image are tried by tests/long/image.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::process::Daemon;

const PROGRAM: &str = env!("CARGO_BIN_EXE_entrawatch");

/// Nobody answers there: none of these tests needs a directory.
const CONFIGURATION: &str = r#"
[[tenant]]
name = "contoso"
tenant_id = "11111111-2222-3333-4444-555555555555"
client_id = "66666666-7777-8888-9999-000000000000"
login_url = "http://127.0.0.1:9"
graph_url = "http://127.0.0.1:9"
auth = { kind = "secret", secret_file = "SECRET" }
[store]
url = "sqlite:volume/entrawatch.db"
[http]
listen = "127.0.0.1:0"
[recipients]
fallback = ["ops@example.com"]
"#;

/// A folder as a container sees it: a configuration, secrets, and a volume for the store.
fn laid_out() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("entrawatch.toml"), CONFIGURATION.replace("SECRET", "secrets_client-secret")).unwrap();
    fs::write(folder.path().join("secrets_client-secret"), "s3cr3t~\n").unwrap();
    fs::create_dir(folder.path().join("volume")).unwrap();
    folder
}

/// `with` is what starts the program: nothing, or another program that changes its surroundings first.
fn run(folder: &Path, with: &[&str], arguments: &[&str]) -> Output {
    let line: Vec<&str> = with.iter().copied().chain([PROGRAM]).chain(arguments.iter().copied()).collect();
    let path = ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    Command::new(line[0]).args(&line[1..]).current_dir(folder).env_clear().envs([path]).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Mounts first, seen by nobody else. Others than root need a user namespace for it, which root does not get in a chroot.
fn in_own_mounts(mount: &str) -> Vec<&str> {
    let unshare: &[&str] = if is_root() { &["unshare", "--mount"] } else { &["unshare", "--user", "--map-root-user", "--mount"] };
    [unshare, &["sh", "-c", mount]].concat()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    String::from_utf8(id).unwrap().trim() == "0"
}

#[test]
fn systemd_hears_that_it_is_ready_that_it_works_and_that_it_stops() {
    let folder = laid_out();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let hear = || {
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).expect("nothing is said");
        String::from_utf8(buffer[..length].to_vec()).unwrap().trim().to_owned()
    };
    let address = folder.path().join("notify").display().to_string();
    let daemon = Daemon::start_with(folder.path(), &[("NOTIFY_SOCKET", &address), ("WATCHDOG_USEC", "300000")]);

    let mut heard = vec![hear(), hear()];
    heard.sort();
    assert_eq!(heard, ["READY=1", "WATCHDOG=1"], "{}", daemon.log());
    let begun = Instant::now();
    assert_eq!([hear(), hear(), hear()], ["WATCHDOG=1"; 3]);
    assert!(begun.elapsed() < Duration::from_millis(900), "three in the time of three limits: {:?}", begun.elapsed());
    daemon.signal("TERM");
    assert!((0..9).any(|_| hear() == "STOPPING=1"));
}

#[test]
fn a_volume_that_is_read_only_is_told_with_what_to_do() {
    let mount = "mount --bind volume volume && mount -o remount,bind,ro volume && exec \"$0\" \"$@\"";
    let with = in_own_mounts(mount);
    let folder = laid_out();
    if !run(folder.path(), &with, &["--version"]).status.success() {
        return eprintln!("left out: nothing may be mounted here");
    }
    let output = run(folder.path(), &with, &["run", "--config", "entrawatch.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("volume/entrawatch.db.lock (Read-only file system"), "{said}");
    assert!(said.contains("mount a volume there that may be written, or name another file in store.url"), "{said}");
}

#[test]
fn a_volume_of_another_user_is_told_with_both_numbers() {
    let folder = laid_out();
    let volume = folder.path().join("volume");
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o500)).unwrap();
    // Root may do everything, unless that is taken from it.
    let with: &[&str] = if is_root() { &["setpriv", "--bounding-set=-all", "--inh-caps=-all"] } else { &[] };
    if is_root() {
        std::os::unix::fs::chown(&volume, Some(10001), Some(10001)).unwrap();
    }
    let output = run(folder.path(), with, &["run", "--config", "entrawatch.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("Permission denied") && said.contains("let the user that entrawatch runs as (uid "), "{said}");
    assert_eq!(said.contains("volume belongs to uid 10001; "), is_root(), "{said}");
}

#[test]
fn a_store_in_memory_is_a_warning() {
    let mount = "mount -t tmpfs tmpfs volume && exec timeout 2 \"$0\" \"$@\"";
    let with = in_own_mounts(mount);
    let folder = laid_out();
    if !run(folder.path(), &with, &["--version"]).status.success() {
        return eprintln!("left out: nothing may be mounted here");
    }
    let said = said(&run(folder.path(), &with, &["run", "--config", "entrawatch.toml"]));
    assert!(said.contains("lies in memory and goes with the next restart") && said.contains("mounting a volume on"), "{said}");
}

#[test]
fn a_secret_or_a_configuration_that_was_mounted_as_a_directory_is_told() {
    let folder = laid_out();
    let (secret, configuration) = (folder.path().join("secrets_client-secret"), folder.path().join("entrawatch.toml"));
    fs::remove_file(&secret).unwrap();
    fs::create_dir(&secret).unwrap();
    let output = run(folder.path(), &[], &["run", "--config", "entrawatch.toml"]);
    assert_eq!(output.status.code(), Some(78));
    let first = said(&output);
    assert!(first.contains("secrets_client-secret is a directory") && first.contains("mount of a missing file"), "{first}");

    fs::remove_file(&configuration).unwrap();
    fs::create_dir(&configuration).unwrap();
    let output = run(folder.path(), &[], &["run", "--config", "entrawatch.toml"]);
    assert_eq!(output.status.code(), Some(78));
    let second = said(&output);
    assert!(second.contains("is a directory") && second.contains("name the file itself"), "{second}");
}

#[test]
fn a_machine_that_trusts_no_authority_is_told_what_to_install() {
    let folder = laid_out();
    let output = run(folder.path(), &["env", "SSL_CERT_FILE=/dev/null"], &["run", "--config", "entrawatch.toml"]);
    let said = said(&output);
    assert!(!output.status.success());
    for part in ["No CA certificates", "install its package ca-certificates", "SSL_CERT_FILE"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_secret_file_with_a_new_line_or_a_byte_order_mark_is_as_good_as_one_without() {
    let folder = laid_out();
    for content in ["s3cr3t~", "s3cr3t~\n", "s3cr3t~\r\n", "\u{feff}s3cr3t~\r\n"] {
        fs::write(folder.path().join("secrets_client-secret"), content).unwrap();
        let output = run(folder.path(), &[], &["config", "check", "--config", "entrawatch.toml"]);
        assert!(output.status.success(), "{content:?}: {}", said(&output));
    }
    fs::write(folder.path().join("secrets_client-secret"), "\u{feff}\n").unwrap();
    let output = run(folder.path(), &[], &["config", "check", "--config", "entrawatch.toml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("secrets_client-secret is empty"), "{}", said(&output));
}

/// The example of the environment file, as compose reads it.
fn environment() -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/entrawatch.env.example");
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn checked(variables: &BTreeMap<String, String>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(PROGRAM).args(["config", "check"]).current_dir(folder.path()).env_clear().envs(variables).output().unwrap()
}

#[test]
fn the_environment_file_names_what_was_not_filled_in_and_works_once_it_is() {
    let mut variables = environment();
    let output = checked(&variables);
    assert_eq!(output.status.code(), Some(78));
    for name in ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"] {
        assert!(said(&output).contains(&format!("{name} is not set")), "{}", said(&output));
        assert_eq!(variables.insert(name.to_owned(), "11111111-2222-3333-4444-555555555555".to_owned()), Some(String::new()));
    }
    let output = checked(&variables);
    assert!(output.status.success(), "{}", said(&output));
}
