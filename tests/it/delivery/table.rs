//! The fault table: what a mail server does, and what becomes of the mails, from the decision to the server's spool.
//!
//! The servers are aiosmtpd's and the simulated tenant's `sendMail`; the clock is ours, so that three days pass in seconds. Waits have a jitter
//! of a fifth: the table shows what they are meant to be, and the test holds the measured ones to that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock, UtcTime};
use entrawatch::config::{SmtpConfig, SmtpLogin, SmtpProof, SmtpTls};
use entrawatch::demo::ObjectId;
use entrawatch::graph::{Client, Context, Mailbox, http_client};
use entrawatch::mail::Mailer;
use entrawatch::mail::graph::GraphMailer;
use entrawatch::mail::smtp::{Patience, SmtpMailer};
use entrawatch::outbox::deliver::Next;
use entrawatch::policy::DigestMode;
use entrawatch::progress::Progress;
use entrawatch::secret::SecretSource;
use entrawatch::store::{LONGEST_WAIT, MailState, Notification};
use entrawatch::web::health::judge;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::graph::Waits;
use crate::policy::rules;
use crate::support::at;
use crate::support::faults::{Faults, status, throttled};
use crate::support::graph::{BEGIN, Tenant};
use crate::support::rig::Rig;
use crate::support::smtp::peer::{Mail, Peers};
use crate::support::smtp::{Authority, USER, config};

/// Whose mail the faults are about where they are about one.
const ANN: &str = "ann@example.com";
/// Who is told of what Ann does not get.
const OPS: &str = "ops@example.com";
const MAILBOX: &str = "watch@contoso.example";

/// When somebody mends what only people can mend.
const MENDED: TimeDelta = TimeDelta::hours(2);

/// How a row's mails leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Starttls,
    Password,
    Xoauth2,
    Graph,
}

/// What somebody does after two hours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mend {
    Nothing,
    Password,
    Authority,
    Graph,
}

struct Row {
    what: &'static str,
    way: Way,
    faults: Vec<Value>,
    mend: Mend,
}

fn smtp(what: &'static str, fault: Value) -> Row {
    Row { what, way: Way::Plain, faults: vec![fault], mend: Mend::Nothing }
}

/// Every scripted fault.
fn rows() -> Vec<Row> {
    let row = |what, way, faults, mend| Row { what, way, faults, mend };
    vec![
        row("nothing wrong", Way::Plain, vec![], Mend::Nothing),
        smtp("greets after longer than we wait, once", json!({ "verb": "CONNECT", "delay": 3, "times": 2 })),
        smtp("421 as greeting, twice", json!({ "verb": "CONNECT", "say": "421 4.3.2 too busy", "close": true, "times": 4 })),
        smtp("421 in between, once", json!({ "verb": "MAIL", "say": "421 4.3.2 going down", "close": true, "times": 2 })),
        smtp("450 greylisting Ann, five times", json!({ "verb": "RCPT", "to": ANN, "say": "450 4.7.1 greylisted", "times": 5 })),
        smtp("452 Ann's mailbox is full, for good", json!({ "verb": "RCPT", "to": ANN, "say": "452 4.2.2 mailbox full" })),
        smtp(
            "452 no space for Ann's message, once",
            json!({ "verb": "DOT", "to": ANN, "say": "452 4.3.1 no space", "times": 1 }),
        ),
        smtp("550 no Ann here", json!({ "verb": "RCPT", "to": ANN, "say": "550 5.1.1 no such user" })),
        smtp("552 Ann's message is too big", json!({ "verb": "DOT", "to": ANN, "say": "552 5.3.4 too big" })),
        smtp("hangs up before the final dot, once", json!({ "verb": "MESSAGE", "to": ANN, "times": 1 })),
        smtp(
            "takes it and hangs up after the final dot, once",
            json!({ "verb": "DOT", "to": ANN, "close": true, "keep": true, "times": 1 }),
        ),
        smtp("takes it and says nothing, once", json!({ "verb": "DOT", "to": ANN, "delay": 3, "keep": true, "times": 1 })),
        smtp("away for good", json!({ "verb": "CONNECT", "close": true })),
        row("STARTTLS stripped, for good", Way::Starttls, vec![json!("stripped")], Mend::Nothing),
        row("certificate of an unknown authority, until trusted", Way::Starttls, vec![], Mend::Authority),
        row("535 wrong password, until mended", Way::Password, vec![], Mend::Password),
        row("XOAUTH2 accepted", Way::Xoauth2, vec![], Mend::Nothing),
        row("XOAUTH2 535, once", Way::Xoauth2, vec![json!({ "refuse": 1 })], Mend::Nothing),
        row("XOAUTH2 334 and 535, once", Way::Xoauth2, vec![json!({ "refuse": 1, "explain": true })], Mend::Nothing),
        row("XOAUTH2 334 and 535, for an hour", Way::Xoauth2, vec![json!({ "refuse": 24, "explain": true })], Mend::Nothing),
        row("Graph accepts", Way::Graph, vec![], Mend::Nothing),
        row("Graph 429 with Retry-After for one mail, once", Way::Graph, vec![json!(429)], Mend::Nothing),
        row("Graph 504 for one mail, which may be taken, once", Way::Graph, vec![json!(504)], Mend::Nothing),
        row("Graph 400 for one recipient", Way::Graph, vec![json!(400)], Mend::Nothing),
        row("Graph 403, until granted", Way::Graph, vec![json!(403)], Mend::Graph),
    ]
}

/// One row's world.
struct Scene {
    rig: Rig,
    began: UtcTime,
    /// Graph sends from it.
    mailbox: ObjectId,
    faults: Faults,
    folder: tempfile::TempDir,
    /// What was wrong by the health endpoint, at any time.
    health: BTreeSet<String>,
}

impl Scene {
    async fn new() -> Self {
        let faults = Faults::default();
        let clock = Arc::new(ManualClock::new(at(BEGIN)));
        let simulated = Tenant::start_layered(clock, |router| faults.layer(router)).await;
        let began = simulated.clock.now();
        let directory = &simulated.directory;
        let app = directory.add_application("Payroll API");
        directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(9));
        let ann = directory.add_user("Ann", Some(ANN));
        directory.add_owner(app.id, ann);
        let mailbox = directory.add_user("Entra Watch", Some(MAILBOX));
        let mut rules = rules();
        rules.digest.mode = DigestMode::Immediate;
        let rig = Rig::new(simulated, rules).await;
        Self { rig, began, mailbox, faults, folder: tempfile::tempdir().unwrap(), health: BTreeSet::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mailer(&self, row: &Row, port: u16, authority: &Authority) -> Arc<dyn Mailer> {
        let simulated = &self.rig.simulated;
        let client = Client::new(
            &simulated.config(),
            Context {
                clock: simulated.clock.clone(),
                sleeper: Arc::new(Waits::default()),
                metrics: Arc::clone(&self.rig.metrics),
                progress: Progress::default(),
                http: http_client(&[]).unwrap(),
            },
        );
        if row.way == Way::Graph {
            if row.mend != Mend::Graph {
                self.grant();
            }
            match row.faults.first().and_then(Value::as_u64) {
                Some(429) => self.faults.next("/sendMail", 1, throttled(429, "40")),
                Some(504) => self.faults.next("/sendMail", 1, status(504, "GatewayTimeout")),
                Some(400) => self.faults.add("/sendMail", 1, 1, status(400, "ErrorInvalidRecipients")),
                _ => {}
            }
            return Arc::new(GraphMailer::new(Mailbox::new(client, &self.mailbox.to_string())));
        }
        let patience = Patience {
            connect: Duration::from_secs(10),
            command: Duration::from_secs(if row.what.starts_with("greets") { 1 } else { 5 }),
            message: Duration::from_secs(if row.what.contains("says nothing") { 1 } else { 10 }),
        };
        let tls = if row.way == Way::Starttls { SmtpTls::StarttlsRequired } else { SmtpTls::None };
        let ca_file = self.path("ca.pem");
        let stranger = Authority::new();
        let trusted = if row.mend == Mend::Authority { &stranger } else { authority };
        std::fs::copy(trusted.ca_file(), &ca_file).unwrap();
        let password = self.path("password");
        std::fs::write(&password, "wrong").unwrap();
        let proof = SmtpProof::Password(SecretSource::File(password));
        let login = (row.way == Way::Password).then(|| SmtpLogin { username: USER.to_owned(), proof });
        let mailer = SmtpMailer::new(&SmtpConfig { login, ..config(port, tls, Some(&ca_file)) }).with_patience(patience);
        Arc::new(match row.way {
            Way::Xoauth2 => mailer.signing_in_as(MAILBOX, client, "https://outlook.office365.com/.default"),
            _ => mailer,
        })
    }

    fn mend(&self, mend: Mend, authority: &Authority) {
        match mend {
            Mend::Nothing => {}
            Mend::Password => std::fs::write(self.path("password"), "right").unwrap(),
            Mend::Authority => drop(std::fs::copy(authority.ca_file(), self.path("ca.pem")).unwrap()),
            Mend::Graph => self.grant(),
        }
    }

    /// As an Exchange administrator does.
    fn grant(&self) {
        let simulated = &self.rig.simulated;
        simulated.directory.allow_mail(simulated.watcher.application.app_id, self.mailbox);
    }

    /// Steps of tenant and delivery, each when it is next due, until nothing waits or the time is up.
    async fn live(&mut self, mend: Mend, watched: TimeDelta, authority: &Authority) {
        let (mut mended, mut quiet, mut tenant) = (false, 0, self.began);
        let end = self.began + watched;
        while self.rig.clock.now() < end && quiet < 2 {
            if self.rig.clock.now() >= tenant {
                // Often enough: a step asks the whole tenant.
                tenant = self.rig.tenant.step().await.max(self.rig.clock.now() + TimeDelta::hours(2));
            }
            let delivery = self.rig.delivery.deliver_once(&CancellationToken::new()).await.unwrap();
            let now = self.rig.clock.now();
            for problem in judge(&self.rig.snapshots.all(), &self.rig.status.get(), now).problems {
                let word = serde_json::to_value(problem.what).unwrap().as_str().unwrap().to_owned();
                self.health.insert(word);
            }
            let at = match delivery {
                // Once more after the next evaluation: what died is passed on then.
                Next::WhenFilled => {
                    quiet += 1;
                    tenant
                }
                Next::At(at) => {
                    quiet = 0;
                    at.min(tenant)
                }
            };
            self.rig.clock.set(at.max(now + TimeDelta::seconds(1)));
            if !mended && self.rig.clock.now() >= self.began + MENDED {
                self.mend(mend, authority);
                mended = true;
            }
        }
    }

    /// The mails that were decided and not taken back, the first first.
    async fn mails(&self) -> Vec<Notification> {
        let mut mails = self.rig.store.notifications(None, 100).await.unwrap().items;
        mails.reverse();
        mails
    }

    fn count(&self, outcome: &str) -> u64 {
        crate::support::counter(&self.rig.metrics, "entrawatch_mails_total", outcome)
    }
}

/// What retries so many attempts are meant to take.
fn meant(attempts: i64) -> TimeDelta {
    (1..attempts).map(|failures| TimeDelta::seconds((5 << (failures - 1).min(10)).min(900))).sum()
}

fn short(length: TimeDelta) -> String {
    match length.num_seconds() {
        0 => "at once".to_owned(),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// What became of a mail, in words; asserts that it took as long as it is meant to.
fn fate(row: &Row, began: UtcTime, first: bool, mail: &Notification) -> String {
    let Some(settled) = mail.settled_at else { return "waits".to_owned() };
    let word = if mail.state == MailState::Sent { "taken" } else { "dead" };
    // The first mail to each is decided at once; where it is taken back, another takes its place, and its age.
    let took = settled - if first { began } else { mail.created_at };
    if mail.attempts > 20 {
        assert!(took >= TimeDelta::days(3) && took <= TimeDelta::days(3) + LONGEST_WAIT, "{}: {took}", row.what);
        return format!("{word} after 3 days");
    }
    if row.mend != Mend::Nothing {
        let after = settled - began - MENDED;
        assert!(after >= TimeDelta::zero() && after <= LONGEST_WAIT * 2, "{}: {after} after it was mended", row.what);
        return format!("{word} once mended");
    }
    if row.what.ends_with("for an hour") {
        assert!(took > TimeDelta::minutes(20) && took < TimeDelta::hours(3), "{}: {took}", row.what);
        return format!("{word} once let in");
    }
    let meant = meant(mail.attempts);
    let slack = meant / 4 + TimeDelta::seconds(2);
    assert!(took >= meant - slack && took <= meant + slack, "{}: {took} and not {meant}", row.what);
    format!("{word} {}", short(meant))
}

impl Row {
    /// Whether it ends by a number of attempts that does not depend on the jitter.
    fn is_counted(&self) -> bool {
        self.mend == Mend::Nothing && !self.what.ends_with("for good") && !self.what.ends_with("for an hour")
    }

    fn count(&self, count: u64) -> String {
        if count == 0 || self.is_counted() { count.to_string() } else { "some".to_owned() }
    }
}

#[tokio::test]
async fn whatever_a_server_does_the_table_says_what_becomes_of_the_mails() {
    let (authority, rows) = (Authority::new(), rows());
    let (certificate, key) = authority.server_files();
    let scripts: serde_json::Map<String, Value> =
        rows.iter().map(|row| (row.what.to_owned(), script(row, &certificate, &key))).collect();
    let Some(mut peers) = Peers::start(&Value::Object(scripts)).await else { return };
    let mut table = format!(
        "{:<52} {:<20} {:<20} {:<26} {}\n",
        "what the server does", "Ann's mail", "the others", "sent retried withdr. dead", "health"
    );
    for row in &rows {
        let mut scene = Scene::new().await;
        *scene.rig.mailer.through.lock().unwrap() = Some(scene.mailer(row, peers.port(row.what), &authority));
        let watched = TimeDelta::days(if row.way == Way::Starttls { 1 } else { 4 });
        scene.live(row.mend, watched, &authority).await;

        let mails = scene.mails().await;
        let fates = |to: &str| {
            let of = mails.iter().filter(|mail| mail.recipient == to).enumerate();
            let mut fates: Vec<String> = of.map(|(index, mail)| fate(row, scene.began, index == 0, mail)).collect();
            fates.dedup();
            fates.join(", then ")
        };
        let (mut ann, mut others) = (fates(ANN), fates(OPS));
        if row.way == Way::Graph && ann == "taken at once" {
            // Which of them is sent first, nobody knows; Ann stands for the one that was met.
            std::mem::swap(&mut ann, &mut others);
        }
        let kept = if row.way == Way::Graph {
            let sent = scene.rig.simulated.directory.sent_mails();
            assert_eq!(sent.len() as u64, scene.count("sent"), "{}", row.what);
            Vec::new()
        } else {
            peers.report(row.what).await.mails
        };
        let copies = copies(row, &kept, &mails);
        let [sent, retried, withdrawn, dead] = ["sent", "retried", "withdrawn", "dead"].map(|outcome| scene.count(outcome));
        let counts = format!("{sent:<4} {:<7} {:<7} {dead}", row.count(retried), row.count(withdrawn));
        let health: Vec<&str> = scene.health.iter().map(String::as_str).filter(|word| word.starts_with("mail_")).collect();
        writeln!(
            table,
            "{:<52} {:<20} {:<20} {:<26} {}{copies}",
            row.what,
            ann,
            others,
            counts,
            if health.is_empty() { "ok".to_owned() } else { health.join(", ") },
        )
        .unwrap();
    }
    println!("{table}");
    insta::assert_snapshot!(table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
}

fn script(row: &Row, certificate: &std::path::Path, key: &std::path::Path) -> Value {
    let mut script = json!({ "certificate": certificate, "key": key });
    match row.way {
        Way::Starttls if row.faults.is_empty() => script["tls"] = json!("starttls"),
        Way::Plain | Way::Graph | Way::Starttls => {}
        Way::Password => script["users"] = json!({ USER: "right" }),
        Way::Xoauth2 => {
            script["xoauth2"] = row.faults.first().cloned().unwrap_or(json!({}));
            script["xoauth2"]["user"] = json!(MAILBOX);
            return script;
        }
    }
    script["faults"] = json!(row.faults.iter().filter(|fault| fault.is_object()).collect::<Vec<_>>());
    script
}

/// Says where the server has a mail twice; asserts that it has what we believe it has, under one Message-ID each.
fn copies(row: &Row, kept: &[Mail], mails: &[Notification]) -> String {
    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for mail in kept {
        let id = mail.content.lines().find_map(|line| line.strip_prefix("Message-ID:")).unwrap().trim().to_owned();
        *copies.entry((mail.to[0].clone(), id)).or_default() += 1;
    }
    if row.way != Way::Graph {
        let sent = mails.iter().filter(|mail| mail.state == MailState::Sent).count();
        assert_eq!(copies.len(), sent, "{}: {copies:?}", row.what);
    }
    let twice: Vec<&str> = copies.iter().filter(|(_, count)| **count > 1).map(|((to, _), _)| to.as_str()).collect();
    if twice.is_empty() { String::new() } else { format!("; {} has it twice, under one Message-ID", twice.join(", ")) }
}
