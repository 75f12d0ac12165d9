//! JSON as Graph sends it → the types of [`crate::inventory`].
//!
//! A page is a list of raw slices, and each object is decoded alone: one that cannot be decoded is named and keeps its last state, the
//! others are read. What was not sent is never read as "none".

mod change;
mod credentials;
mod fields;
mod object;
mod owner;
mod text;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) use change::Change;
pub use change::Removed;
pub(super) use fields::sha1_hex;
pub use object::{Undecodable, decode_object};
pub(super) use object::{decode, hints, merge, object_hash, thumbprints};
pub(super) use owner::{OwnersPage, owners};
pub(super) use text::repair;

/// One page of a collection, its objects still raw.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// The objects.
    pub objects: Vec<&'a RawValue>,
    /// Where the next page is.
    pub next_link: Option<String>,
    /// Where the changes after this round of a delta query are.
    pub delta_link: Option<String>,
}

impl<'a> Page<'a> {
    /// Reads a page from repaired text. A body without a list of objects is no page, and never an empty one.
    pub fn read(body: &'a str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            value: Vec<&'a RawValue>,
            #[serde(rename = "@odata.nextLink")]
            next_link: Option<String>,
            #[serde(rename = "@odata.deltaLink")]
            delta_link: Option<String>,
        }
        let Wire { value, next_link, delta_link } = serde_json::from_str(body)?;
        let present = |link: Option<String>| link.filter(|link| !link.is_empty());
        Ok(Self { objects: value, next_link: present(next_link), delta_link: present(delta_link) })
    }
}

/// The object id in a raw object, lower-cased, where one can be read.
pub(super) fn object_id(raw: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Identity<'a> {
        #[serde(borrow)]
        id: Option<Cow<'a, str>>,
    }
    let Identity { id } = serde_json::from_str(raw).ok()?;
    id.map(|id| id.trim().to_ascii_lowercase()).filter(|id| !id.is_empty())
}

/// An object that was read on its own, as it would stand in a list: without the context that Graph puts in front.
pub(super) fn without_context(raw: &str) -> Cow<'_, str> {
    let bare = || {
        let rest = raw.strip_prefix(r#"{"@odata.context":"#)?;
        let mut value = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        value.next()?.ok()?;
        rest.get(value.byte_offset()..)?.strip_prefix(',')
    };
    bare().map_or(Cow::Borrowed(raw), |rest| Cow::Owned(format!("{{{rest}")))
}

/// What a Graph error body says. Only the code is for branching; the message is for people.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    pub code: Option<String>,
    pub message: Option<String>,
    pub request_id: Option<String>,
}

impl Complaint {
    /// Reads `{"error": {"code", "message", "innerError"}}`; whatever is missing or of another shape is `None`.
    pub fn read(body: &str) -> Self {
        serde_json::from_str(body).map(|body: serde_json::Value| Self::of(&body)).unwrap_or_default()
    }

    /// The same, from a body already parsed.
    pub fn of(body: &serde_json::Value) -> Self {
        let error = body.get("error");
        let text = |value: Option<&serde_json::Value>| {
            value.and_then(|value| value.as_str()).map(printable).filter(|text| !text.is_empty())
        };
        let inner = error.and_then(|error| error.get("innerError").or_else(|| error.get("innererror")));
        Self {
            code: text(error.and_then(|error| error.get("code"))),
            message: text(error.and_then(|error| error.get("message"))),
            request_id: text(inner.and_then(|inner| inner.get("request-id"))),
        }
    }
}

/// The first line of what a server said, without control characters and of bounded length, for an error message.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut printable: String = line.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if line.chars().count() > LONGEST {
        printable.push('…');
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_a_list_is_no_page() {
        for body in ["", "{}", "[]", "null", r#"{"value":null}"#, r#"{"value":{}}"#, r#"{"value":[{"id":1}"#, "<html></html>"] {
            assert!(Page::read(body).is_err(), "{body}");
        }
        assert!(Page::read(r#"{"value":[]}"#).unwrap().objects.is_empty());
    }

    #[test]
    fn an_empty_next_link_is_none() {
        assert_eq!(Page::read(r#"{"@odata.nextLink":"","value":[]}"#).unwrap().next_link, None);
        assert_eq!(Page::read(r#"{"@odata.nextLink":null,"value":[]}"#).unwrap().next_link, None);
    }

    #[test]
    fn an_object_read_alone_is_the_one_of_the_list() {
        assert_eq!(without_context(r#"{"@odata.context":"https://x/$metadata#a(\"b\")","id":"1"}"#), r#"{"id":"1"}"#);
        for raw in [r#"{"id":"1"}"#, r#"{"@odata.context":"x"}"#, r#"{"@odata.context":"#, ""] {
            assert_eq!(without_context(raw), raw);
        }
    }

    #[test]
    fn complaints_of_any_shape_are_read_as_far_as_they_go() {
        let full = Complaint::read(r#"{"error":{"code":"X","message":"a\r\nb","innererror":{"request-id":"r"}}}"#);
        assert_eq!(full, Complaint { code: Some("X".into()), message: Some("a".into()), request_id: Some("r".into()) });
        for body in ["", "[]", r#"{"error":"x"}"#, r#"{"error":{"code":1,"innerError":[]}}"#] {
            assert_eq!(Complaint::read(body), Complaint::default(), "{body}");
        }
    }
}
