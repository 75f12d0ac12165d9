//! Makes a body readable: whatever strict JSON readers refuse in *text* is replaced, so that one hostile name never blinds a page.
//!
//! Replaced by U+FFFD: bytes that are no UTF-8, escapes of lone surrogates (`\ud83d` without its other half), U+0000 (which PostgreSQL
//! cannot store). Control characters that stand in a string unescaped are escaped. Nothing else is touched: a body that is cut off, or
//! no JSON at all, stays so.

use std::borrow::Cow;

const REPLACEMENT: &str = "\\ufffd";

/// The body as text in which every string can be decoded.
pub(in crate::graph) fn repair(body: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => repair_escapes(text),
        Cow::Owned(text) => match repair_escapes(&text) {
            Cow::Owned(repaired) => Cow::Owned(repaired),
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

fn repair_escapes(text: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let mut copied = 0;
    let mut in_string = false;
    let mut rest = text;
    while let Some(offset) = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\x1f')) {
        let at = text.len() - rest.len() + offset;
        let here = &rest[offset..];
        let (length, replacement) = match here.as_bytes() {
            [b'"', ..] => {
                in_string = !in_string;
                (1, None)
            }
            [b'\\', ..] => escape(here),
            [0, ..] => (1, in_string.then(|| REPLACEMENT.to_owned())),
            [control, ..] => (1, in_string.then(|| format!("\\u{control:04x}"))),
            [] => break,
        };
        if let Some(replacement) = replacement {
            repaired.push_str(&text[copied..at]);
            repaired.push_str(&replacement);
            copied = at + length;
        }
        rest = &here[length..];
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(&text[copied..]);
    Cow::Owned(repaired)
}

/// How long the escape at the start of `text` is, and what stands in its place where it cannot be decoded.
fn escape(text: &str) -> (usize, Option<String>) {
    match code_unit(text) {
        Some(0xd800..=0xdbff) => match text.get(6..).and_then(code_unit) {
            Some(0xdc00..=0xdfff) => (12, None),
            _ => (6, Some(REPLACEMENT.to_owned())),
        },
        Some(0 | 0xdc00..=0xdfff) => (6, Some(REPLACEMENT.to_owned())),
        Some(_) => (6, None),
        // `\n`, `\"`, `\\`; what follows the backslash may also be the end, or a character of several bytes that is no escape at all.
        None => (1 + text.chars().nth(1).map_or(0, char::len_utf8), None),
    }
}

/// The code unit of a `\uXXXX` at the start of `text`.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: &[u8]) -> String {
        serde_json::from_str(&repair(body)).unwrap()
    }

    #[test]
    fn sound_text_is_not_copied() {
        assert!(matches!(repair(br#"{"a":"b \"c\" \\ \n \ud83d\ude00 \u00e9"}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn lone_surrogates_nul_and_raw_controls_are_replaced() {
        for (body, text) in [
            (br#""a\ud83d""#.as_slice(), "a\u{fffd}"),
            (br#""\udE00b""#, "\u{fffd}b"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (br#""\ud83dx""#, "\u{fffd}x"),
            (br#""\ud83d\n""#, "\u{fffd}\n"),
            (br#""\\ud83d""#, "\\ud83d"),
            (br#""\u0000""#, "\u{fffd}"),
            (b"\"a\0b\"", "a\u{fffd}b"),
            (b"\"a\nb\tc\"", "a\nb\tc"),
            (b"\"a\xffb\"", "a\u{fffd}b"),
            (br#""\"\u0000\"""#, "\"\u{fffd}\""),
        ] {
            assert_eq!(decoded(body), text, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn what_is_no_json_stays_so() {
        for body in ["{\"a\":\"\\", "\\é", "\"\\u12", "\\u+123", "", "<html>"] {
            assert!(serde_json::from_str::<serde_json::Value>(&repair(body.as_bytes())).is_err(), "{body}");
        }
    }

    #[test]
    fn white_space_between_values_stays() {
        assert_eq!(repair(b"{\r\n\t\"a\": 1\n}"), "{\r\n\t\"a\": 1\n}");
    }
}
