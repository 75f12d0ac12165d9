//! Whatever an object holds, it never blinds the rest.

use entrawatch::graph::Error;
use entrawatch::inventory::ObjectKind;
use serde_json::{Value, json};

use super::{Setup, list, names, objects};
use crate::support::faults::body;

/// Lists a tenant in which one application is served as `raw`, between two good ones.
async fn with_raw(raw: impl Into<Vec<u8>>) -> (entrawatch::graph::Listing, String) {
    let setup = Setup::new().await;
    setup.tenant.directory.add_application("good one");
    let bad = setup.tenant.directory.add_application("bad one");
    setup.tenant.directory.add_application("good two");
    let id = bad.id.to_string();
    let raw = String::from_utf8_lossy(&raw.into()).replace("ID", &id);
    setup.tenant.directory.set_raw(bad.id, raw);
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!(listing.error, None);
    (listing, id)
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_is_named_and_the_others_are_read() {
    let nulls = r#"{"id":"ID","appId":null,"displayName":null,"tags":null,"passwordCredentials":null,"keyCredentials":null}"#;
    for (raw, why) in [
        (nulls, "passwordCredentials were asked for and did not come"),
        (r#"{"id":"ID","displayName":"x"}"#, "passwordCredentials were asked for and did not come"),
        (r#"{"id":"ID","displayName":"x","passwordCredentials":[]}"#, "keyCredentials were asked for and did not come"),
        (r#"{"id":"ID","passwordCredentials":[null],"keyCredentials":[]}"#, "invalid type: null"),
        (r#"{"id":"ID","passwordCredentials":{},"keyCredentials":[]}"#, "invalid type: map"),
        (r#"{"id":"ID","displayName":7,"passwordCredentials":[],"keyCredentials":[]}"#, "invalid type: integer"),
        (r#"{"id":"ID","passwordCredentials":[{"endDateTime":"soon"}],"keyCredentials":[]}"#, "is no date"),
        (r#"{"id":"ID","id":"ID","passwordCredentials":[],"keyCredentials":[]}"#, "duplicate field"),
    ] {
        let (listing, id) = with_raw(raw).await;
        assert_eq!(names(&listing), ["EntraWatch", "good one", "good two"], "{raw}");
        assert_eq!(listing.undecodable.len(), 1, "{raw}");
        let (named, said) = &listing.undecodable[0];
        assert!(named.as_ref().is_none_or(|named| *named == id), "{raw}");
        assert!(said.contains(why), "{raw}: {said}");
    }
    for raw in ["{}", "null", "[]", "7", r#"{"id":null}"#, r#"{"id":""}"#] {
        let (listing, _) = with_raw(raw).await;
        assert_eq!(listing.undecodable.len(), 1, "{raw}");
        assert_eq!(listing.undecodable[0].0, None, "{raw}");
        assert_eq!(names(&listing), ["EntraWatch", "good one", "good two"], "{raw}");
    }
}

#[tokio::test]
async fn text_of_any_kind_is_decoded() {
    for (name, decoded) in [
        (r"<script>alert(1)<\/script>".to_owned(), "<script>alert(1)</script>".to_owned()),
        (r#"\" ' ` , ; = + - @ |"#.to_owned(), "\" ' ` , ; = + - @ |".to_owned()),
        (r"one\r\ntwo".to_owned(), "one\r\ntwo".to_owned()),
        ("one\ntwo\tthree".to_owned(), "one\ntwo\tthree".to_owned()),
        (r"\u202eevil\u202c".to_owned(), "\u{202e}evil\u{202c}".to_owned()),
        ("🔥".repeat(256), "🔥".repeat(256)),
        (r"\ud83d\udd25".repeat(256), "🔥".repeat(256)),
        (r"lone \ud83d".to_owned(), "lone \u{fffd}".to_owned()),
        (r"lone \udd25 \ud83d\ud83d".to_owned(), "lone \u{fffd} \u{fffd}\u{fffd}".to_owned()),
        (r"nul \u0000".to_owned(), "nul \u{fffd}".to_owned()),
        ("nul \0".to_owned(), "nul \u{fffd}".to_owned()),
    ] {
        let raw = format!(r#"{{"id":"ID","displayName":"{name}","passwordCredentials":[],"keyCredentials":[]}}"#);
        let (listing, id) = with_raw(raw).await;
        let found = objects(&listing).into_iter().find(|object| object.key.id == id).unwrap();
        assert_eq!(found.display_name, decoded, "{name}");
        assert_eq!(listing.objects.len(), 4);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("x");
    let mut raw = format!(r#"{{"id":"{}","passwordCredentials":[],"keyCredentials":[],"displayName":"a"#, app.id).into_bytes();
    raw.extend_from_slice(&[0xff, 0xc3, b'b', b'"', b'}']);
    setup.tenant.directory.set_raw(app.id, raw);
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert!(names(&listing).contains(&"a\u{fffd}\u{fffd}b"), "{:?}", names(&listing));
}

#[tokio::test]
async fn credentials_with_odd_values_are_kept() {
    let entries = [
        (json!({}), None, None),
        (json!({"keyId":null,"displayName":null,"startDateTime":null,"endDateTime":null,"hint":null}), None, None),
        (
            json!({"keyId":"K","startDateTime":"0001-01-01T00:00:00Z","endDateTime":"9999-12-31T23:59:59.9999999Z"}),
            Some(-62_135_596_800),
            Some(253_402_300_799),
        ),
        (
            json!({"startDateTime":"2027-01-01T00:00:00Z","endDateTime":"2022-01-01T00:00:00Z"}),
            Some(1_798_761_600),
            Some(1_640_995_200),
        ),
        (json!({"startDateTime":"whenever","endDateTime":"2022-01-01T01:00:00.5+01:00"}), None, Some(1_640_995_200)),
    ];
    for (entry, start, end) in entries {
        let raw = json!({"id":"ID","passwordCredentials":[entry],"keyCredentials":[entry]}).to_string();
        let (listing, id) = with_raw(raw).await;
        let found = objects(&listing).into_iter().find(|object| object.key.id == id).unwrap();
        let (password, key) = (&found.passwords[0], &found.keys[0]);
        for (at, expected) in [(password.start, start), (key.start, start), (password.end, end), (key.end, end)] {
            assert_eq!(at.map(|at| at.timestamp()), expected, "{entry}");
        }
        assert!(password.key_id == "k" || password.key_id.starts_with("unidentified-"), "{}", password.key_id);
        assert_eq!(found.display_name, id, "no name: the id stands for it");
    }
}

#[tokio::test]
async fn an_object_nested_without_end_is_one_object_only() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (listing, _) = with_raw(format!(r#"{{"id":"ID","x":{deep},"passwordCredentials":[],"keyCredentials":[]}}"#)).await;
    assert!(names(&listing).contains(&"good two"));
    assert_eq!(listing.objects.len() + listing.undecodable.len(), 4);
}

#[tokio::test]
async fn a_body_that_is_no_page_is_an_error_and_never_an_empty_listing() {
    for text in ["", "<html><body>Sign in to the network</body></html>", "{}", "null", r#"{"value":null}"#, r#"{"value":[{"#] {
        let setup = Setup::new().await;
        setup.faults.next("/applications", usize::MAX, body(text));
        let listing = list(&setup.client, ObjectKind::Application).await;
        let error = listing.error.unwrap();
        assert!(matches!(error, Error::Undecodable { .. }), "{text}: {error}");
        assert!(error.to_string().contains("a proxy that answers in its place"), "{error}");
    }
}

#[tokio::test]
async fn owners_and_batches_of_any_shape_are_survived() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("Payroll API");
    let key = entrawatch::inventory::ObjectKey { kind: ObjectKind::Application, id: app.id.to_string() };
    let want = entrawatch::graph::Want { key, credentials: false, owners: true, thumbprints: false };
    let item = |owners: Value| {
        let federated = json!({"id":"1","status":200,"body":{"value":[]}});
        json!({"responses":[{"id":"0","status":200,"body":owners}, federated]}).to_string()
    };
    for owners in
        [json!({}), json!(null), json!("text"), json!({"value":null}), json!({"value":[{"id":7}]}), json!({"value":[{}]})]
    {
        setup.faults.clear();
        setup.faults.next("/$batch", usize::MAX, body(&item(owners.clone())));
        let (_, reading) = setup.client.read(std::slice::from_ref(&want)).await.remove(0);
        let reading = reading.unwrap();
        assert_eq!((reading.detail.owners, reading.problems.len()), (None, 1), "{owners}");
    }
    for text in [r#"{"responses":[]}"#, r#"{"responses":[null,7,{"id":"0"},{"id":"x","status":200}]}"#, "{}", "[]"] {
        setup.faults.clear();
        setup.faults.next("/$batch", usize::MAX, body(text));
        let (_, reading) = setup.client.read(std::slice::from_ref(&want)).await.remove(0);
        let reading = reading.unwrap();
        assert_eq!((reading.detail.owners, reading.problems.len()), (None, 2), "{text}");
    }
}
