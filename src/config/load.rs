//! From files and environment to a configuration that can run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::config::{Map, Source, Value, ValueKind};

use super::problem::{Origin, Problem, Problems};
use super::reading::{Reading, wrong};
use super::reference::ROOT;
use super::table::Table;
use super::{
    Config, TenantConfig, alerts, azure, digest, environment, files, http, mail, output, poll, recipients, store, tenant, watch,
};
use crate::policy::Rules;

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// The environment of this process, and the file that is asked for: by the command line, by `ENTRAWATCH_CONFIG`, else the usual one
    /// where it exists, else none.
    pub fn of_process(asked: Option<PathBuf>) -> Self {
        let environment = environment::of_process();
        let by_variable = || environment.get("ENTRAWATCH_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let usual = || Some(PathBuf::from(USUAL_FILE)).filter(|path| path.exists());
        Self { file: asked.or_else(by_variable).or_else(usual), environment }
    }
}

/// Read where neither the command line nor the environment names a file.
pub const USUAL_FILE: &str = "/etc/entrawatch/entrawatch.toml";

/// A configuration that can run.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was configured.
    pub config: Config,
    /// What is doubtful, to be said in the log.
    pub warnings: Vec<Problem>,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
}

/// Reads, merges (defaults, files, environment: the later wins) and checks.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let file = sources.file.as_deref();
    if file.is_none()
        && !azure::is_described(&sources.environment)
        && !sources.environment.keys().any(|name| name.starts_with("ENTRAWATCH__"))
    {
        return Err(Problems::Nothing);
    }
    let reading = Reading::new(&sources.environment, file);
    let files = file.map(|file| files::read(file, &reading)).unwrap_or_default();
    if files.partial {
        return Err(Problems::Found(reading.finish().0));
    }
    let mut tree = merged(files.tree, environment::layer(&reading));
    if file.is_none()
        && let Some(tenant) = azure::tenant(&reading)
    {
        tree.insert("tenant".to_owned(), Value::new(None, ValueKind::Array(vec![tenant])));
    }
    let config = read(&Table::root(&reading, ROOT, &tree), file);
    let (problems, warnings) = reading.finish();
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, warnings, files: files.read }),
        _ => Err(Problems::Found(problems)),
    }
}

/// One layer of values for the `config` crate.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn merged(files: Map<String, Value>, environment: Map<String, Value>) -> Map<String, Value> {
    let built = ::config::Config::builder().add_source(Layer(files)).add_source(Layer(environment)).build();
    match built.map(|built| built.cache.kind) {
        Ok(ValueKind::Table(tree)) => tree,
        _ => Map::new(),
    }
}

fn read(root: &Table<'_>, file: Option<&Path>) -> Option<Config> {
    let store = store::read_store(root);
    let http = http::read(root);
    let poll = poll::read(root);
    let tenants = tenant::read(root, poll.as_ref());
    if tenants.is_empty() && root.reading.is_fine("tenant") {
        let instead = "write a [[tenant]] with tenant_id, client_id and auth; `entrawatch config example` shows how";
        root.reading.problem(
            "tenant",
            file.map_or(Origin::Nowhere, Origin::file),
            wrong("is missing: there is no tenant to watch", instead),
        );
    }
    let watch = watch::read(root);
    let alerts = alerts::read(root);
    let told = recipients::read(root);
    let routes = recipients::read_routes(root, &tenants);
    let digest = digest::read(root);
    let report = digest::read_report(root);
    let heartbeat = output::read_heartbeat(root);
    let mail = if root.has("mail") { mail::read(root, &tenants) } else { None };
    let (metrics, log) = (output::read_metrics(root), output::read_log(root));

    if !root.has("mail") {
        let instead = "write [mail] and recipients.fallback, or let an alert of your monitoring watch the metrics";
        root.reading.warning(
            "mail",
            Origin::Nowhere,
            wrong("is not configured: nobody is mailed, there are metrics and the page only", instead),
        );
    } else if told.as_ref().is_some_and(|told| told.fallback.is_empty()) {
        let instead = "write the address that is told where nobody else is known: [recipients] fallback = [\"ops@example.com\"]";
        root.reading.problem(
            "recipients.fallback",
            root.origin("recipients"),
            wrong("is missing, and there is a [mail]", instead),
        );
    }
    Some(Config {
        store: store?,
        http: http?,
        authorities: poll?.authorities,
        tenants: tenants.into_iter().collect::<Option<Vec<TenantConfig>>>()?,
        policy: Rules { watch: watch?, alerts: alerts?, recipients: told?, routes: routes?, digest: digest?, report: report? },
        heartbeat,
        mail,
        metrics: metrics?,
        log: log?,
    })
}
