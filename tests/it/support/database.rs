//! Databases for the tests: an SQLite file, or a database on a real PostgreSQL server that the tests start themselves, once a run.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use entrawatch::store::{Error, Store};
use secrecy::SecretString;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

/// The password of the server's superuser, with what must be escaped in a URL.
const PASSWORD: &str = "p:w/d@%";
const PASSWORD_IN_URL: &str = "p%3Aw%2Fd%40%25";

/// A database of its own for one test.
#[derive(Debug)]
pub struct Database {
    url: String,
    /// Kept for its end: the directory of an SQLite file goes with it.
    folder: Option<TempDir>,
}

impl Database {
    /// An SQLite file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a directory for the database");
        Self { url: format!("sqlite:{}", folder.path().join("entrawatch.db").display()), folder: Some(folder) }
    }

    /// A database on the server of this run; `None`, said aloud, where PostgreSQL is not installed.
    pub async fn postgres() -> Option<Self> {
        let server = Server::of_this_run()?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        server.admin(&format!("CREATE DATABASE {name}")).await;
        Some(Self { url: server.url(&name), folder: None })
    }

    /// What `store.url` would say.
    pub fn url(&self) -> SecretString {
        self.url.clone().into()
    }

    /// The same in the open.
    pub fn plain_url(&self) -> &str {
        &self.url
    }

    /// The SQLite file.
    pub fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("entrawatch.db"))
    }

    /// Opens the store as a daemon would.
    pub async fn open(&self) -> Store {
        Store::open_exclusive(&self.url()).await.expect("a store")
    }

    /// Why the store cannot be opened.
    pub async fn refusal(&self) -> String {
        let error: Error = Store::open_exclusive(&self.url()).await.expect_err("refused");
        error.to_string()
    }

    /// Runs statements behind the store's back.
    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }
}

async fn execute(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let url = if url.starts_with("sqlite:") { format!("{url}?mode=rwc") } else { url.to_owned() };
    let mut connection = AnyConnection::connect(&url).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("the statement");
    connection.close().await.expect("closed");
}

/// The PostgreSQL server of this run.
#[derive(Debug)]
pub struct Server {
    port: u16,
    /// The shell that waits for our end of its stdin to close, which the death of this process does too: then it stops the server.
    #[expect(dead_code, reason = "held for its stdin")]
    keeper: Child,
}

impl Server {
    /// Started at the first call.
    pub fn of_this_run() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{PASSWORD_IN_URL}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a statement as superuser.
    pub async fn admin(&self, sql: &str) {
        execute(&self.url("postgres"), sql).await;
    }

    fn start() -> Option<Self> {
        let Some(programs) = Programs::find() else {
            crate::support::missing("PostgreSQL (initdb and postgres, on PATH or in /usr/lib/postgresql/*/bin)");
            return None;
        };
        let folder = programs.init();
        let data = folder.join("data");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let mut server = programs.as_user("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-k", ""]);
        server.args([
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "max_connections=200",
        ]);

        let mut keeper = Command::new("sh");
        let script = r#"folder=$1; shift; "$@" >"$folder/log" 2>&1 & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$folder""#;
        keeper.args(["-c", script, "sh"]).arg(&folder).arg(server.get_program()).args(server.get_args());
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");

        let deadline = Instant::now() + Duration::from_mins(1);
        while !std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|state| state.contains("ready")) {
            assert!(
                Instant::now() < deadline,
                "PostgreSQL does not start: {}",
                std::fs::read_to_string(folder.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { port, keeper })
    }
}

/// Where PostgreSQL's programs are, and as whom they run: they refuse to run as root.
struct Programs {
    folder: Option<PathBuf>,
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Option<Self> {
        let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|versions| versions.filter_map(Result::ok).map(|version| version.path().join("bin")).collect())
            .unwrap_or_default();
        folders.retain(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
        folders
            .sort_by_key(|folder| folder.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok()));
        let folder = folders.pop();
        let found = folder.is_some()
            || Command::new("initdb").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        found.then(|| Self { folder, user: root.then(|| (id("-u"), id("-g"))) })
    }

    fn as_user(&self, program: &str) -> Command {
        let program = self.folder.as_ref().map_or_else(|| PathBuf::from(program), |folder| folder.join(program));
        let Some((uid, gid)) = self.user else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups", "--"]).arg(program);
        command
    }

    fn init(&self) -> PathBuf {
        let folder = tempfile::Builder::new().prefix("entrawatch-postgres-").tempdir().expect("a directory").keep();
        let password = folder.join("password");
        std::fs::File::create(&password).and_then(|mut file| file.write_all(PASSWORD.as_bytes())).expect("a password file");
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("a directory");
        if let Some((uid, gid)) = self.user {
            for path in [&folder, &password, &data] {
                chown(path, Some(uid), Some(gid)).expect("chown");
            }
        }
        let made = self
            .as_user("initdb")
            .args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(&data)
            .output()
            .expect("initdb");
        let mut said = String::from_utf8_lossy(&made.stdout).into_owned();
        let _ = write!(said, "{}", String::from_utf8_lossy(&made.stderr));
        assert!(made.status.success(), "initdb: {said}");
        folder
    }
}

/// The ids of an unprivileged user that can own a server.
fn id(which: &str) -> u32 {
    for user in ["postgres", "nobody"] {
        let Ok(output) = Command::new("id").args([which, user]).output() else { continue };
        if let Ok(id) = String::from_utf8_lossy(&output.stdout).trim().parse() {
            return id;
        }
    }
    panic!("this runs as root, and there is no user postgres or nobody to run PostgreSQL as");
}
