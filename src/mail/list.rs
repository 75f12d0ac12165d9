//! The attached file: every item of a digest, a row each.

use super::text::cell;
use super::{sheet, words};
use crate::outbox::digest::{Digest, Item};

/// Column headings. They are names for machines and stay the same in every language.
const HEAD: [&str; 12] = [
    "severity",
    "notice",
    "application",
    "object_kind",
    "object_id",
    "app_id",
    "kind",
    "credential",
    "key_id",
    "not_after",
    "last_one",
    "remark",
];

/// The digest as a file.
pub fn csv(digest: &Digest) -> Result<Vec<u8>, csv::Error> {
    sheet::csv(HEAD, digest.items.iter().map(row))
}

fn row(item: &Item) -> [String; 12] {
    let object = &item.standing.object.object;
    let credential = &item.standing.credential;
    let end = credential.not_after.map(|end| end.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    [
        item.severity.to_string(),
        item.notice.to_string(),
        cell(&object.display_name),
        object.key.kind.to_string(),
        cell(&object.key.id),
        cell(object.app_id.as_deref().unwrap_or_default()),
        credential.kind.to_string(),
        cell(credential.name.as_deref().unwrap_or_default()),
        cell(&credential.key_id),
        end.unwrap_or_default(),
        item.standing.last_one.to_string(),
        cell(words::item::remark(item).unwrap_or_default()),
    ]
}
