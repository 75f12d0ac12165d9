//! Which objects and credentials a rule of the configuration speaks of: `[[route]]`, `[[ignore]]`.

use globset::{GlobBuilder, GlobMatcher};

use super::{CredentialKind, DirectoryObject, ObjectKind, OwnerKind};

/// A glob over hostile text: `*`, `?`, `[…]`, `{a,b}`, without case.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    glob: GlobMatcher,
}

impl Pattern {
    /// Compiles a glob.
    ///
    /// # Errors
    /// What is wrong with the glob, as a sentence fragment.
    pub fn new(text: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(text).case_insensitive(true).build().map_err(|error| error.kind().to_string())?;
        Ok(Self { text: text.to_owned(), glob: glob.compile_matcher() })
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.glob.is_match(text)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// What a matcher is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The tenant's label.
    pub tenant: &'a str,
    /// The tenant's GUID.
    pub tenant_id: &'a str,
    /// The object.
    pub object: &'a DirectoryObject,
    /// Kind of the credential; `None` where the object as a whole is asked about: a matcher with `kind` does not match then.
    pub kind: Option<CredentialKind>,
}

/// The `match` of a rule: every key that is given must match; a matcher without keys matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Glob over the display name.
    pub app_name: Option<Pattern>,
    /// Glob over the tenant's label, or its GUID.
    pub tenant: Option<Pattern>,
    /// The client id, lower-cased.
    pub app_id: Option<String>,
    /// The object id, lower-cased.
    pub object_id: Option<String>,
    /// Glob over each tag.
    pub tag: Option<Pattern>,
    /// Kind of the credential.
    pub kind: Option<CredentialKind>,
    /// Kind of the object.
    pub object_kind: Option<ObjectKind>,
    /// Domain of the mail address of a user owner as last read, lower-cased.
    pub owner_domain: Option<String>,
}

impl Matcher {
    /// Whether every key that is given matches.
    #[must_use]
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        let object = subject.object;
        self.app_name.as_ref().is_none_or(|glob| glob.matches(&object.display_name))
            && self.tenant.as_ref().is_none_or(|glob| glob.matches(subject.tenant) || glob.matches(subject.tenant_id))
            && self.app_id.as_ref().is_none_or(|id| object.app_id.as_ref() == Some(id))
            && self.object_id.as_ref().is_none_or(|id| *id == object.key.id)
            && self.tag.as_ref().is_none_or(|glob| object.tags.iter().any(|tag| glob.matches(tag)))
            && self.kind.is_none_or(|kind| subject.kind == Some(kind))
            && self.object_kind.is_none_or(|kind| object.key.kind == kind)
            && self.owner_domain.as_ref().is_none_or(|domain| has_owner_at(object, domain))
    }
}

fn has_owner_at(object: &DirectoryObject, domain: &str) -> bool {
    object.detail.owners.iter().flatten().filter(|owner| matches!(owner.kind, OwnerKind::User | OwnerKind::Guest)).any(|owner| {
        let address = owner.mail.as_deref().unwrap_or_default();
        address.rsplit_once('@').is_some_and(|(_, at)| at.eq_ignore_ascii_case(domain))
    })
}

/// `[watch]` and `[[ignore]]`: what is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// Managed identities are watched too.
    pub managed_identities: bool,
    /// Disabled objects are watched too.
    pub disabled: bool,
    /// The tag `entrawatch:ignore` leaves an object out.
    pub ignore_tag: bool,
    /// `[[ignore]]`
    pub ignore: Vec<Matcher>,
}
