//! The templates, in the binary. Everything that is put into one is escaped; a name that a template uses and nobody gave is an error.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::assets::STYLE;

const SOURCES: [(&str, &str); 4] = [
    ("base.html", include_str!("templates/base.html")),
    ("credentials.html", include_str!("templates/credentials.html")),
    ("problem.html", include_str!("templates/problem.html")),
    ("status.html", include_str!("templates/status.html")),
];

/// The templates, ready to be filled.
#[derive(Debug)]
pub(super) struct Templates(Environment<'static>);

impl Templates {
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.add_filter("count", |number: i64| super::words::count(number));
        environment.add_filter("sentence", |text: &str| super::words::sentence(text));
        let mut hash = DefaultHasher::new();
        STYLE.hash(&mut hash);
        environment.add_global("style", format!("/assets/style.css?v={:016x}", hash.finish()));
        environment.add_global("version", crate::VERSION);
        for (name, source) in SOURCES {
            environment.add_template(name, source)?;
        }
        Ok(Self(environment))
    }

    /// Fills a template.
    pub(super) fn render(&self, name: &str, page: impl Serialize) -> Result<String, minijinja::Error> {
        self.0.get_template(name)?.render(context! { page => Value::from_serialize(page) })
    }
}
