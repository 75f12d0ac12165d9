//! The small values inside an object: dates, thumbprints, old names, stand-ins for a missing key id.

use std::fmt::Write as _;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;

use crate::clock::UtcTime;

/// A date as Graph writes it: RFC 3339 with 0 to 12 fraction digits, any year, `Z` or an offset. Parts of a second are dropped.
pub(super) fn date(text: &str) -> Option<UtcTime> {
    DateTime::from_timestamp(DateTime::parse_from_rfc3339(text.trim()).ok()?.timestamp(), 0)
}

/// SHA-1 of a certificate, in upper-case hex, from its `key` (base64 of DER); `None` where it is no certificate.
pub(super) fn thumbprint_of_key(key: &str) -> Option<String> {
    /// An X.509 certificate is a DER sequence with a length of two bytes.
    const SEQUENCE: [u8; 2] = [0x30, 0x82];
    let der = STANDARD.decode(key.trim()).ok()?;
    der.starts_with(&SEQUENCE).then(|| sha1_hex(&der))
}

/// SHA-1 of a certificate's DER, in upper-case hex: what Entra calls its thumbprint.
pub(in crate::graph) fn sha1_hex(der: &[u8]) -> String {
    hex(digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref())
}

/// The thumbprint that a certificate's `customKeyIdentifier` is, where it is one: 40 hex digits, or base64 of 20 bytes.
pub(super) fn thumbprint_of_identifier(identifier: &str) -> Option<String> {
    let identifier = identifier.trim();
    if identifier.len() == 40 && identifier.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(identifier.to_ascii_uppercase());
    }
    STANDARD.decode(identifier).ok().filter(|bytes| bytes.len() == 20).map(|bytes| hex(&bytes))
}

/// The name that an old secret keeps in `customKeyIdentifier`: base64 of UTF-16LE text.
pub(super) fn name_of_identifier(identifier: &str) -> Option<String> {
    let bytes = STANDARD.decode(identifier.trim()).ok()?;
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    let name = String::from_utf16(&units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<_>>()).ok()?;
    let name = name.trim_end_matches('\0').trim();
    // Sixteen raw bytes, a GUID, may be UTF-16 by accident; text that somebody typed has no control characters and is not all ideographs
    // of the rarest kind, so ASCII among it is asked for.
    let is_text = !name.is_empty() && !name.chars().any(char::is_control) && name.chars().any(|c| c.is_ascii_alphanumeric());
    is_text.then(|| name.to_owned())
}

/// A stable stand-in for a missing `keyId`, from what else the entry says.
pub(super) fn stand_in(parts: &[Option<&str>]) -> String {
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        // The length keeps ("a", "b") apart from ("ab", "").
        context.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
        context.update(part.unwrap_or_default().as_bytes());
    }
    format!("unidentified-{}", hex(&context.finish().as_ref()[..8]).to_ascii_lowercase())
}

/// Upper-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_precision_offset_and_year_are_read_to_the_second() {
        for (text, seconds) in [
            ("2022-05-07T06:52:43Z", 1_651_906_363),
            ("2022-05-07T06:52:43.8Z", 1_651_906_363),
            ("2022-05-07T06:52:43.052Z", 1_651_906_363),
            ("2022-05-07T06:52:43.3086381Z", 1_651_906_363),
            ("2022-05-07T06:52:43.999999999999Z", 1_651_906_363),
            ("2022-05-07T08:52:43+02:00", 1_651_906_363),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59.9999999Z", 253_402_300_799),
            ("2299-12-31T00:00:00Z", 10_413_705_600),
        ] {
            assert_eq!(date(text).map(|at| at.timestamp()), Some(seconds), "{text}");
        }
        for text in ["datetime-value", "", "2022-05-07", "2022-13-07T06:52:43Z", "2022-05-07T06:52:43"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn thumbprints_are_recognised_in_both_encodings_and_nothing_else_is() {
        let hex = "F9D4365AFC13FC27446AD529035997B32991AE85";
        assert_eq!(thumbprint_of_identifier(hex).as_deref(), Some(hex));
        assert_eq!(thumbprint_of_identifier(&hex.to_lowercase()).as_deref(), Some(hex));
        assert_eq!(
            thumbprint_of_identifier("2iD8ppbE+D6Kmu1ZvjM2jtQh88E=").as_deref(),
            Some("DA20FCA696C4F83E8A9AED59BE33368ED421F3C1")
        );
        for text in ["CN=DaemonConsoleCert", "", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "2iD8ppbE"] {
            assert_eq!(thumbprint_of_identifier(text), None, "{text}");
        }
    }

    #[test]
    fn a_thumbprint_is_the_sha_1_of_the_certificate() {
        let certificate = rcgen::generate_simple_self_signed(vec!["contoso".to_owned()]).unwrap();
        let der = certificate.cert.der();
        let expected = hex(digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref());
        assert_eq!(thumbprint_of_key(&STANDARD.encode(der)), Some(expected));
        for key in ["", "not base64", "MIICqjCCAZKgAwIBAgIId....4rnrk43w", "AAAA"] {
            assert_eq!(thumbprint_of_key(key), None, "{key}");
        }
    }

    #[test]
    fn old_names_are_utf_16_in_base64() {
        let encode = |text: &str| STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
        assert_eq!(name_of_identifier(&encode("jh_telemetry")).as_deref(), Some("jh_telemetry"));
        assert_eq!(name_of_identifier(&encode("Schlüssel 1")).as_deref(), Some("Schlüssel 1"));
        let guid =
            STANDARD.encode([0x3f, 0x9a, 0xd1, 0x4e, 0x77, 0x20, 0xb1, 0x4f, 0xa8, 0x55, 0x01, 0xde, 0x66, 0x8e, 0xc2, 0x91]);
        assert_eq!(name_of_identifier(&guid), None);
        assert_eq!(name_of_identifier("odd"), None);
        assert_eq!(name_of_identifier(""), None);
    }

    #[test]
    fn a_stand_in_depends_on_every_part_and_on_nothing_else() {
        let one = stand_in(&[Some("a"), Some("b"), None]);
        assert_eq!(one, stand_in(&[Some("a"), Some("b"), None]));
        assert!(one.starts_with("unidentified-") && one.len() == "unidentified-".len() + 16);
        for other in [[Some("ab"), Some(""), None], [Some("a"), None, Some("b")], [Some("a"), Some("b"), Some("")]] {
            assert_ne!(one, stand_in(&other));
        }
    }
}
