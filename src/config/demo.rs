//! The configuration of `entrawatch demo`: a file like any other, so that `plan`, `explain` and `silence` work beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::problem::Problems;
use super::{Loaded, Sources, load};

/// What the demo's configuration is made of.
#[derive(Debug, Clone, Copy)]
pub struct Demo<'a> {
    /// Where everything is kept: the configuration, the database, the mails.
    pub directory: &'a Path,
    /// Where the page is served.
    pub listen: SocketAddr,
    /// Base URL of the simulated tenant, for sign-in and Graph.
    pub tenant: &'a Url,
    /// Its id.
    pub tenant_id: &'a str,
    /// The application that EntraWatch signs in as there.
    pub client_id: &'a str,
    /// A secret of that application; it opens nothing but the simulation.
    pub secret: &'a SecretString,
}

impl Demo<'_> {
    /// Where [`Self::write`] writes.
    pub fn path(&self) -> PathBuf {
        self.directory.join("entrawatch.toml")
    }

    /// Writes the file, over that of an earlier demo: the simulated tenant has another port each time.
    pub fn write(&self) -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(self.directory)?;
        std::fs::write(self.path(), self.toml())?;
        Ok(self.path())
    }

    /// The written file as a configuration. The environment has no part in it.
    pub fn load(&self) -> Result<Loaded, Problems> {
        load(&Sources { file: Some(self.path()), ..Sources::default() })
    }

    fn toml(&self) -> String {
        let Self { listen, tenant, tenant_id, client_id, .. } = self;
        // A port that the system is to pick is not known yet.
        let public_url = if listen.port() == 0 { String::new() } else { format!("public_url = \"http://{listen}\"\n") };
        // A JSON string is a TOML string too.
        let secret = serde_json::Value::from(self.secret.expose_secret());
        format!(
            r#"# Written by `entrawatch demo` at each start. The tenant is a simulation inside of that process; its secret opens nothing else.
# While the demo runs, other commands can look at it too:   entrawatch plan --config {path}

[[tenant]]
name = "contoso"
tenant_id = "{tenant_id}"
client_id = "{client_id}"
auth = {{ kind = "secret", secret = {secret} }}
login_url = "{tenant}"
graph_url = "{tenant}"

[watch]
ignore_tag = true

[recipients]
fallback = ["ops@contoso.example"]
owners = true

[mail]
from = "EntraWatch <entrawatch@contoso.example>"
transport = {{ kind = "folder", path = "mails" }}

[store]
url = "sqlite:entrawatch.db"

[http]
listen = "{listen}"
{public_url}"#,
            path = self.path().display(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_runs_on_an_ordinary_file_without_a_doubt() {
        let directory = tempfile::tempdir().unwrap();
        let demo = Demo {
            directory: directory.path(),
            listen: "127.0.0.1:9690".parse().unwrap(),
            tenant: &"http://127.0.0.1:41234".parse().unwrap(),
            tenant_id: "11111111-2222-3333-4444-555555555555",
            client_id: "66666666-7777-8888-9999-000000000000",
            secret: &r#"s~e'c"r.e\t"#.into(),
        };
        demo.write().unwrap();
        let loaded = demo.load().unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.warnings, []);
        assert!(loaded.config.policy.recipients.owners);
        assert_eq!(loaded.config.http.public_url.unwrap().as_str(), "http://127.0.0.1:9690/");
        assert_eq!(loaded.config.tenants[0].graph_url.as_str(), "http://127.0.0.1:41234/");
    }
}
