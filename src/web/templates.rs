//! The templates of the page, in the binary.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use minijinja::{Environment, Value, context};
use serde::Serialize;

use super::assets::STYLE;
use crate::html::{self, escaped};
use crate::mail::{MARKS, NAMES};

const SOURCES: [(&str, &str); 11] = [
    ("about.html", include_str!("templates/about.html")),
    ("app.html", include_str!("templates/app.html")),
    ("base.html", include_str!("templates/base.html")),
    ("chart.html", include_str!("templates/chart.html")),
    ("credentials.html", include_str!("templates/credentials.html")),
    ("notification.html", include_str!("templates/notification.html")),
    ("notifications.html", include_str!("templates/notifications.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("problem.html", include_str!("templates/problem.html")),
    ("silences.html", include_str!("templates/silences.html")),
    ("status.html", include_str!("templates/status.html")),
];

/// The templates, ready to be filled.
#[derive(Debug)]
pub(super) struct Templates(Environment<'static>);

impl Templates {
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut environment = html::environment();
        environment.add_filter("count", |number: i64| super::words::count(number));
        environment.add_filter("sentence", |text: &str| super::words::sentence(text));
        environment.add_filter("marked", |text: &str| Value::from_safe_string(marked(text)));
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
        self.0.get_template(name)?.render(context! { page => Value::from_serialize(page), here => name })
    }
}

/// A sentence of the mails in HTML: literal text as code, names that the reader finds on the screen in bold.
fn marked(sentence: &str) -> String {
    let mut out = escaped(sentence);
    for (marks, element) in [(MARKS, "code"), (NAMES, "strong")] {
        out = out.replace(marks.0, &format!("<{element}>")).replace(marks.1, &format!("</{element}>"));
    }
    out
}
