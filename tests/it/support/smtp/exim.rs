//! A real exim, unprivileged, that takes every mail into a Maildir.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::{Authority, PASSWORD, USER};

/// Who it runs as where the tests run as root: exim does not deliver as root.
const NOBODY: u32 = 65_534;

/// A running exim.
#[derive(Debug)]
pub struct Exim {
    /// Where it listens.
    pub port: u16,
    /// Who signed its certificate.
    pub authority: Authority,
    folder: TempDir,
    server: Child,
}

impl Exim {
    /// Starts it; `None`, said aloud, where it is not installed. `sign_in`: it takes mails only from who signed in, and offers that only over
    /// TLS.
    pub fn start(sign_in: bool) -> Option<Self> {
        let Some(program) = ["/usr/sbin/exim4", "/usr/sbin/exim"].into_iter().find(|path| Path::new(path).exists()) else {
            crate::support::missing("exim (/usr/sbin/exim4)");
            return None;
        };
        let authority = Authority::new();
        let folder = tempfile::tempdir().expect("a directory");
        let uid = std::fs::metadata("/proc/self").expect("/proc").uid();
        let root = uid == 0;
        let as_user = if root { NOBODY } else { uid };
        for name in ["spool", "mail"] {
            std::fs::create_dir(folder.path().join(name)).expect("a directory");
        }
        let (certificate, key) = authority.server_files();
        let (our_certificate, our_key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::copy(certificate, &our_certificate).expect("copied");
        std::fs::copy(key, &our_key).expect("copied");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let file = folder.path().join("exim.conf");
        std::fs::write(&file, configuration(folder.path(), port, as_user, sign_in)).expect("written");
        let mut command = Command::new(program);
        if root {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
            for path in ["", "spool", "mail", "exim.conf", "certificate.pem", "key.pem"] {
                chown(folder.path().join(path), Some(NOBODY), Some(NOBODY)).expect("chown");
            }
            command = Command::new("setpriv");
            let id = NOBODY.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--pdeathsig", "TERM", "--", program]);
        }
        let server = command.args(["-bdf", "-C"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("exim");
        let exim = Self { port, authority, folder, server };
        exim.wait("it does not start", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(exim)
    }

    /// The mails, once there are `count` of them, in the order of their files' names.
    pub fn mails(&self, count: usize) -> Vec<(PathBuf, Vec<u8>)> {
        let inbox = self.folder.path().join("mail/new");
        let files = || -> Vec<PathBuf> {
            let entries =
                std::fs::read_dir(&inbox).map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect());
            entries.unwrap_or_default()
        };
        self.wait(&format!("{count} mails do not arrive"), || files().len() >= count);
        let mut files = files();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a mail"))).collect()
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done() {
            let log = std::fs::read_to_string(self.folder.path().join("spool/mainlog")).unwrap_or_default();
            assert!(Instant::now() < deadline, "exim: {what}: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn configuration(folder: &Path, port: u16, user: u32, sign_in: bool) -> String {
    let folder = folder.display();
    let (recipients, offer) = if sign_in {
        ("accept authenticated = *\n  deny message = relay not permitted", "${if def:tls_in_cipher}")
    } else {
        ("accept", "*")
    };
    format!(
        "primary_hostname = mail.example.com
exim_user = {user}
exim_group = {user}
deliver_drop_privilege = true
never_users =
keep_environment =
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
check_spool_space = 0
check_spool_inodes = 0
smtp_accept_max = 100
smtp_accept_max_per_connection = 1000
tls_advertise_hosts = *
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
acl_smtp_rcpt = recipient
begin acl
recipient:
  {recipients}
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail
  create_directory
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = {offer}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
  server_advertise_condition = {offer}
"
    )
}
