//! Routes that cannot work: one that matches nothing, one whose work an earlier one does. Sound, not complete: what is said here holds.

use super::checks;
use super::reading::{Wrong, wrong};
use crate::inventory::{CredentialKind, Matcher, ObjectKind, Pattern};

/// Why a matcher can match nothing in these tenants (name and id).
pub(super) fn never(matcher: &Matcher, tenants: &[(&str, &str)]) -> Option<Wrong> {
    if let Some(pattern) = &matcher.tenant {
        // The GUID of a tenant that is configured by domain is known only once it has answered.
        let unknown_guid = tenants.iter().any(|(_, id)| checks::guid(id).is_none());
        let found = tenants.iter().any(|(name, id)| pattern.matches(name) || pattern.matches(id));
        let perhaps = unknown_guid && looks_like_guid(pattern);
        if !found && !perhaps {
            let names = tenants.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            return Some(wrong(
                format!("can never match: there is no tenant {:?}", pattern.as_str()),
                format!("write one of {names}, or leave tenant out"),
            ));
        }
    }
    if matcher.kind == Some(CredentialKind::SamlSigning) && matcher.object_kind == Some(ObjectKind::Application) {
        let what = "can never match: SAML signing certificates are on service principals";
        return Some(wrong(what, "write object_kind = \"service_principal\", or leave it out"));
    }
    None
}

fn looks_like_guid(pattern: &Pattern) -> bool {
    pattern.as_str().chars().all(|c| c.is_ascii_hexdigit() || "-*?[]{},!".contains(c))
}

/// Whether `earlier` certainly matches everything that `later` matches.
pub(super) fn covers(earlier: &Matcher, later: &Matcher) -> bool {
    covers_pattern(earlier.app_name.as_ref(), later.app_name.as_ref(), true)
        && covers_pattern(earlier.tenant.as_ref(), later.tenant.as_ref(), true)
        && covers_pattern(earlier.tag.as_ref(), later.tag.as_ref(), false)
        && covers_value(earlier.app_id.as_ref(), later.app_id.as_ref())
        && covers_value(earlier.object_id.as_ref(), later.object_id.as_ref())
        && covers_value(earlier.kind.as_ref(), later.kind.as_ref())
        && covers_value(earlier.object_kind.as_ref(), later.object_kind.as_ref())
        && covers_value(earlier.owner_domain.as_ref(), later.owner_domain.as_ref())
}

fn covers_value<T: PartialEq>(earlier: Option<&T>, later: Option<&T>) -> bool {
    earlier.is_none_or(|earlier| later == Some(earlier))
}

/// `always_there`: every object has such a text, so that `*` is no condition.
fn covers_pattern(earlier: Option<&Pattern>, later: Option<&Pattern>, always_there: bool) -> bool {
    let Some(earlier) = earlier else { return true };
    let (wide, Some(narrow)) = (earlier.as_str(), later.map(Pattern::as_str)) else {
        return always_there && is_any(earlier.as_str());
    };
    if is_any(wide) || wide.eq_ignore_ascii_case(narrow) {
        return true;
    }
    let plain = |text: &str, but: &[char]| !text.contains(|c| "*?[]{}\\".contains(c) && !but.contains(&c));
    // A text stands for itself. In a narrow pattern, `*` and `?` can only be taken up by a `*` of the wide one where that has no other
    // special character; then whatever the narrow one matches, the wide one does.
    plain(narrow, &[]) && earlier.matches(narrow) || plain(narrow, &['*', '?']) && plain(wide, &['*']) && earlier.matches(narrow)
}

fn is_any(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.chars().all(|c| c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(wide: &str, narrow: &str) -> bool {
        let matcher = |text: &str| Matcher { app_name: Some(Pattern::new(text).unwrap()), ..Matcher::default() };
        covers(&matcher(wide), &matcher(narrow))
    }

    #[test]
    fn a_wider_pattern_hides_a_narrower_one() {
        for (wide, narrow, hides) in [
            ("payroll-*", "payroll-api", true),
            ("payroll-*", "payroll-api-*", true),
            ("payroll-*", "PAYROLL-*", true),
            ("*", "anything*", true),
            ("*pay*", "x-pay?-*", true),
            ("payroll-?", "payroll-1", true),
            ("payroll-?", "payroll-*", false),
            ("payroll-api", "payroll-*", false),
            ("*a*", "[ab]", false),
            ("{a,b}*", "a*", false),
        ] {
            assert_eq!(names(wide, narrow), hides, "{wide} over {narrow}");
        }
    }

    #[test]
    fn a_condition_more_hides_less() {
        let any = Matcher::default();
        let secrets = Matcher { kind: Some(CredentialKind::Secret), ..Matcher::default() };
        let tagged = Matcher { tag: Some(Pattern::new("*").unwrap()), ..Matcher::default() };
        assert!(covers(&any, &secrets) && covers(&any, &any) && covers(&secrets, &secrets));
        assert!(!covers(&secrets, &any), "certificates pass");
        assert!(!covers(&tagged, &any), "what has no tag passes");
    }

    proptest! {
        #[test]
        fn what_a_hidden_pattern_matches_its_hider_matches(wide in "[ab*?]{0,5}", narrow in "[ab*?]{0,5}", text in "[ab]{0,6}") {
            let matches = |pattern: &str| Pattern::new(pattern).unwrap().matches(&text);
            prop_assert!(!names(&wide, &narrow) || !matches(&narrow) || matches(&wide));
        }
    }
}
