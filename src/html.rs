//! Templates that make HTML, for the page and for the mails. Whatever is put into one is escaped, but for what a filter of ours has made; a name
//! that a template uses and nobody gave is an error.

use minijinja::{Environment, UndefinedBehavior};

/// An engine without templates. Its own escaping would write every slash of an address as six characters.
#[must_use]
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_formatter(|out, _, value| {
        let text = value.to_string();
        out.write_str(&if value.is_safe() { text } else { escaped(&text) }).map_err(Into::into)
    });
    environment
}

/// Text in HTML, also inside quoted attributes.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
