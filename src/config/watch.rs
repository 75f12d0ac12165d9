//! `[watch]`, `[[ignore]]`, and the `match` that ignore rules and routes share.

use super::checks;
use super::key::Key;
use super::reading::{Wrong, wrong};
use super::table::Table;
use crate::inventory::{Matcher, Pattern, Watch};

pub(super) const WATCH: &[Key] = &[
    Key::new(
        "managed_identities",
        "true or false",
        "Watches the credentials of managed identities too, which Azure renews by itself.",
    )
    .default("false"),
    Key::new("disabled", "true or false", "Watches disabled applications and service principals too.").default("false"),
    Key::new(
        "ignore_tag",
        "true or false",
        "Leaves out what carries the tag entrawatch:ignore. Whoever may edit an application can then silence it.",
    )
    .default("false"),
];

pub(super) const IGNORE: &[Key] =
    &[Key::new("match", "a table", "What is left out; every key that is given must match.").required()];

pub(super) const MATCH: &[Key] = &[
    Key::new("app_name", "a pattern", "The display name, without case; * is any text, ? any character, {a,b} one of both."),
    Key::new("tenant", "a pattern", "The tenant's name or id."),
    Key::new("app_id", "a GUID", "The application (client) id."),
    Key::new("object_id", "a GUID", "The object id of an app registration or an enterprise application."),
    Key::new("tag", "a pattern", "One of the object's tags."),
    Key::new("kind", "a kind", "Kind of the credential: secret, certificate, saml_signing or token_encryption."),
    Key::new("object_kind", "a kind", "application (app registration) or service_principal (enterprise application)."),
    Key::new("owner_domain", "a domain", "Domain of the mail address of an owner."),
];

pub(super) fn read(root: &Table<'_>) -> Option<Watch> {
    let table = root.table("watch", WATCH);
    let (managed_identities, disabled, ignore_tag) =
        (table.flag("managed_identities"), table.flag("disabled"), table.flag("ignore_tag"));
    let ignore: Vec<_> = root.tables("ignore", IGNORE).iter().map(ignore_rule).collect();
    Some(Watch {
        managed_identities: managed_identities?,
        disabled: disabled?,
        ignore_tag: ignore_tag?,
        ignore: ignore.into_iter().collect::<Option<_>>()?,
    })
}

fn ignore_rule(rule: &Table<'_>) -> Option<Matcher> {
    if !rule.has("match") {
        rule.missing("match", "write what is left out: match = { app_name = \"legacy-*\" }");
        return None;
    }
    let matcher = matcher(rule)?;
    if matcher == Matcher::default() {
        let what = "is empty, which would leave out every credential there is";
        return rule.refuse("match", wrong(what, "write what is left out: match = { app_name = \"legacy-*\" }"));
    }
    Some(matcher)
}

/// The `match` of a rule; `None` where something in it is wrong.
pub(super) fn matcher(rule: &Table<'_>) -> Option<Matcher> {
    let table = rule.table("match", MATCH);
    let matcher = Matcher {
        app_name: table.parse("app_name", pattern),
        tenant: table.parse("tenant", pattern),
        app_id: table.parse("app_id", guid),
        object_id: table.parse("object_id", guid),
        tag: table.parse("tag", pattern),
        kind: table.choice("kind"),
        object_kind: table.choice("object_kind"),
        owner_domain: table.parse("owner_domain", checks::domain),
    };
    table.is_fine().then_some(matcher)
}

fn pattern(text: &str) -> Result<Pattern, Wrong> {
    Pattern::new(text).map_err(|error| {
        wrong(
            format!("{text:?} is not a pattern: {error}"),
            "write a text with * for anything, such as \"payroll-*\"; put [ ] in brackets to mean themselves: \"[[]\"",
        )
    })
}

fn guid(text: &str) -> Result<String, Wrong> {
    checks::guid(text)
        .ok_or_else(|| wrong(format!("{text:?} is not a GUID"), "write the id as the portal shows it; for a name use app_name"))
}
