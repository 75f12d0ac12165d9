//! Certificates of the simulated tenant: real DER with their own serial number and validity.
//!
//! They are made from one template whose private key does not exist any more. Nobody signs in with them, so only what a reader of
//! the directory can see must be right: that they parse, differ, and say from when to when they hold. The signature does not.

use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::clock::UtcTime;

/// A self-signed RSA certificate with a serial number of 16 bytes and both dates as `UTCTime`.
const TEMPLATE: &[u8] = include_bytes!("certificate.der");
const SERIAL: std::ops::Range<usize> = 15..31;
const NOT_BEFORE: std::ops::Range<usize> = 86..99;
const NOT_AFTER: std::ops::Range<usize> = 101..114;

/// `UTCTime` has two digits for the year and ends here.
const LAST_UTC_TIME: &str = "491231235959Z";

/// A certificate.
#[derive(Clone)]
pub(super) enum Certificate {
    /// Made from the template when somebody looks.
    Made { serial: Uuid, start: UtcTime, end: UtcTime },
    /// Given by a test that signs in with it.
    Given(Arc<[u8]>),
}

impl Certificate {
    pub(super) fn der(&self) -> Vec<u8> {
        match self {
            Self::Given(der) => der.to_vec(),
            Self::Made { serial, start, end } => {
                let mut der = TEMPLATE.to_vec();
                der[SERIAL].copy_from_slice(serial.as_bytes());
                // A serial number is positive and its first byte is not zero.
                der[SERIAL.start] = der[SERIAL.start] & 0x3f | 0x40;
                der[NOT_BEFORE].copy_from_slice(utc_time(*start).as_bytes());
                der[NOT_AFTER].copy_from_slice(utc_time(*end).as_bytes());
                der
            }
        }
    }

    pub(super) fn sha1(&self) -> Vec<u8> {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der()).as_ref().to_vec()
    }

    pub(super) fn sha256(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.der()).as_ref().to_vec()
    }

    /// SHA-1 in upper-case hex, as the portal shows it.
    pub(super) fn thumbprint(&self) -> String {
        self.sha1().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"))
    }
}

/// The 13 characters of a `UTCTime`.
fn utc_time(at: UtcTime) -> String {
    let text = at.format("%y%m%d%H%M%SZ").to_string();
    if chrono::Datelike::year(&at) < 2050 { text } else { LAST_UTC_TIME.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(serial: u128) -> Certificate {
        let at = |text: &str| text.parse::<UtcTime>().unwrap();
        Certificate::Made { serial: Uuid::from_u128(serial), start: at("2026-01-02T03:04:05Z"), end: at("2027-01-02T03:04:05Z") }
    }

    #[test]
    fn each_certificate_has_its_own_thumbprint_and_dates() {
        let (one, other) = (made(1), made(2));
        assert_eq!(one.thumbprint().len(), 40);
        assert_ne!(one.thumbprint(), other.thumbprint());
        assert_eq!(&one.der()[NOT_BEFORE], b"260102030405Z");
        assert_eq!(&one.der()[NOT_AFTER], b"270102030405Z");
    }

    #[test]
    fn a_certificate_beyond_2049_ends_with_2049() {
        let far = Certificate::Made {
            serial: Uuid::from_u128(3),
            start: "2026-01-02T03:04:05Z".parse().unwrap(),
            end: "2099-12-31T00:00:00Z".parse().unwrap(),
        };
        assert_eq!(&far.der()[NOT_AFTER], b"491231235959Z");
    }
}
