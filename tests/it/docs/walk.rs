//! The documents followed word by word, as a newcomer would: the README's configuration, against a simulated tenant and a real
//! conversation with a mail server, and then every command line there is, each as it is written.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, SystemClock, UtcTime};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep};

use super::commands::{lines, words};
use super::pages::{Page, pages};
use crate::support::graph::Tenant;
use crate::support::smtp::script::{Scripted, Tls};
use crate::support::smtp::{Authority, PASSWORD};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entrawatch");

/// A newcomer's folder, and what is there for them.
struct Newcomer {
    folder: tempfile::TempDir,
    listen: String,
    server: Scripted,
    _tenant: Tenant,
    _authority: Authority,
}

impl Newcomer {
    /// Copies the README's configuration and changes only what is another for everybody: ids and hosts.
    async fn arrives(readme: &Page) -> Self {
        let now = SystemClock.now();
        let tenant = Tenant::start_at(now).await;
        let app = tenant.directory.add_application("Payroll API");
        tenant.directory.add_secret(app.id, "key", now - TimeDelta::days(300), now + TimeDelta::days(20));
        let authority = Authority::new();
        let server = Scripted::start(Tls::Starttls(authority.acceptor()), &["AUTH PLAIN"], |_| None).await;

        let folder = tempfile::tempdir().unwrap();
        let block = readme.blocks().into_iter().find(|block| block.language == "toml").unwrap();
        let mut text = block.text;
        let (id, client) = (tenant.directory.tenant_id(), tenant.watcher.application.app_id);
        let base = &tenant.base;
        for (theirs, ours) in [
            ("\"11111111-2222-3333-4444-555555555555\"", format!("\"{id}\"\nlogin_url = \"{base}\"\ngraph_url = \"{base}\"")),
            ("66666666-7777-8888-9999-000000000000", client.to_string()),
            ("relay.contoso.com:587", format!("localhost:{}", server.port())),
            ("username =", format!("ca_file = \"{}\", username =", authority.ca_file().display())),
        ] {
            assert_eq!(text.matches(theirs).count(), 1, "{theirs} in\n{text}");
            text = text.replace(theirs, &ours);
        }
        fs::write(folder.path().join("entrawatch.toml"), text).unwrap();
        fs::write(folder.path().join("client-secret"), format!("{}\n", tenant.watcher.secret.expose_secret())).unwrap();
        fs::write(folder.path().join("smtp-password"), format!("{PASSWORD}\n")).unwrap();
        Self { folder, listen: free_address(), server, _tenant: tenant, _authority: authority }
    }

    fn command(&self, line: &str) -> Command {
        let mut words = words(line);
        assert_eq!(words.remove(0), "entrawatch");
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("USER", "newcomer").env("ENTRAWATCH_CONFIG", "entrawatch.toml").env("ENTRAWATCH__HTTP__LISTEN", &self.listen);
        command
    }

    fn does(&self, line: &str) -> Output {
        tokio::task::block_in_place(|| self.command(line).output().unwrap())
    }

    /// Starts what runs until it is told to stop, and waits until it is ready.
    async fn starts(&self, line: &str) -> Started {
        let log = self.folder.path().join("log");
        let file = fs::File::create(&log).unwrap();
        let mut child = self.command(line).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.is_ready().await {
            let said = || fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "{line}:\n{}", said());
            sleep(Duration::from_millis(50)).await;
        }
        Started(child)
    }

    async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("http://{}/readyz", self.listen)).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    async fn gets_mail(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.server.seen().messages.is_empty() {
            assert!(Instant::now() < deadline, "no mail:\n{}", fs::read_to_string(self.folder.path().join("log")).unwrap());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A process that is killed at the end, whatever happens.
struct Started(std::process::Child);

impl Started {
    fn stops(mut self) {
        assert!(Command::new("kill").args(["-s", "TERM", &self.0.id().to_string()]).status().unwrap().success());
        assert!(tokio::task::block_in_place(|| self.0.wait()).unwrap().success());
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The line with what its reader puts in: a name, a day to come, the place of their file.
fn filled_in(line: &str, now: UtcTime) -> String {
    let day = (now + TimeDelta::days(60)).format("%Y-%m-%d").to_string();
    let line = line.split(" #").next().unwrap().trim();
    line.replace("/etc/entrawatch/", "").replace("2027-01-31", &day).replace("DATE", &day).replace("NAME", "\"Payroll API\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_the_readme_gets_a_mail_and_every_command_of_the_documents_works() {
    let pages = pages();
    let readme = pages.iter().find(|page| page.path == Path::new("README.md")).unwrap();
    let newcomer = Newcomer::arrives(readme).await;
    let now = SystemClock.now();

    // The README's own, in its order.
    let steps: Vec<String> = lines(readme).iter().map(|line| filled_in(line, now)).collect();
    let check = newcomer.does(steps.iter().find(|line| line.starts_with("entrawatch config check")).unwrap());
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let plan = newcomer.does(steps.iter().find(|line| line.starts_with("entrawatch plan")).unwrap());
    let said = String::from_utf8_lossy(&plan.stdout);
    assert!(plan.status.success() && said.contains("Payroll API"), "{said}{}", String::from_utf8_lossy(&plan.stderr));
    let daemon = newcomer.starts(steps.iter().find(|line| line.starts_with("entrawatch run")).unwrap()).await;
    newcomer.gets_mail().await;

    // Then all others, beside the daemon.
    let all: BTreeSet<String> = pages.iter().flat_map(lines).map(|line| filled_in(&line, now)).collect();
    let mut wrong = Vec::new();
    for line in all.iter().filter(|line| !is_daemon(line)) {
        let output = newcomer.does(line);
        let code = output.status.code();
        // `check` is for monitoring: what ends soon is its answer, and not an error of it.
        let is_good = code == Some(0) || line.starts_with("entrawatch check") && matches!(code, Some(1 | 2));
        if !is_good {
            wrong.push(format!("{line}: {code:?}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    daemon.stops();
    for line in all.iter().filter(|line| line.starts_with("entrawatch demo")) {
        newcomer.starts(line).await.stops();
    }
}

fn is_daemon(line: &str) -> bool {
    line.starts_with("entrawatch run") || line.starts_with("entrawatch demo")
}
