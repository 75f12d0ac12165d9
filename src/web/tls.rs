//! TLS for the page: certificate and key as they are in their files now. A renewed pair serves the next connection; those that are open
//! stay, and so does the listener.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::config::HttpTls;
use crate::tls::{self, Part};

/// The files are looked at when somebody connects, and not more often than this.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// What connections are accepted with.
#[derive(Debug, Default)]
pub(super) struct Tls(Mutex<Option<Kept>>);

struct Kept {
    files: HttpTls,
    looked: Instant,
    /// Of what was read last, fit or not, so that what is wrong is said once.
    seen: Vec<u8>,
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// What a connection is accepted with now; `None`, with an error in the log, where there never was a pair that fits.
    pub(super) async fn acceptor(&self, files: &HttpTls) -> Option<TlsAcceptor> {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|old| old.files != *files) {
            *kept = None;
        }
        if kept.as_ref().is_none_or(|old| old.looked.elapsed() >= LOOK_AT_MOST_EVERY) {
            look(files, &mut kept).await;
        }
        kept.as_ref().map(|kept| kept.acceptor.clone())
    }
}

async fn look(files: &HttpTls, kept: &mut Option<Kept>) {
    let (certificate, key) = tokio::join!(tokio::fs::read(&files.cert_file), tokio::fs::read(&files.key_file));
    let mut seen = Context::new(&SHA256);
    for content in [&certificate, &key] {
        match content {
            Ok(bytes) => seen.update(bytes),
            Err(error) => seen.update(error.to_string().as_bytes()),
        }
    }
    let seen = seen.finish().as_ref().to_vec();
    if let Some(old) = kept {
        old.looked = Instant::now();
        if old.seen == seen {
            return;
        }
        old.seen.clone_from(&seen);
    }
    let named = |path: &Path, what: &dyn Display| format!("{} {what}", path.display());
    let fresh = match (certificate, key) {
        (Ok(certificate), Ok(key)) => tls::server(&certificate, &key).map_err(|unfit| match unfit.part {
            Part::Certificate => named(&files.cert_file, &unfit),
            Part::Key => named(&files.key_file, &unfit),
        }),
        (Err(error), _) => Err(named(&files.cert_file, &format_args!("cannot be read: {error}"))),
        (_, Err(error)) => Err(named(&files.key_file, &format_args!("cannot be read: {error}"))),
    };
    match fresh {
        Ok(config) => {
            if kept.is_some() {
                tracing::info!("http.tls: the certificate was renewed; new connections get it");
            }
            let acceptor = TlsAcceptor::from(Arc::new(config));
            *kept = Some(Kept { files: files.clone(), looked: Instant::now(), seen, acceptor });
        }
        Err(why) if kept.is_some() => tracing::error!("http.tls: {why}; the certificate that was in use stays in use"),
        Err(why) => tracing::error!("http.tls: {why}; no connection can be accepted"),
    }
}
