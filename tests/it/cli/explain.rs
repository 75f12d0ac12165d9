//! `entrawatch explain`

use super::silence::watched;
use super::{code, entrawatch_with, err, out};

#[test]
fn an_application_is_explained_by_its_name_or_any_of_its_ids() {
    let directory = watched();
    let explain = |asked: &str| entrawatch_with(directory.path(), &["explain", asked, "-c", "entrawatch.toml"], &[]);
    for asked in ["wiki", "WIK", "app-0a22", "0a22", "0C21"] {
        let answer = explain(asked);
        assert_eq!(code(&answer), 0, "{asked}: {}{}", out(&answer), err(&answer));
        let text = out(&answer);
        for said in [
            "contoso: as stored by the daemon, never seen completely",
            "Wiki, app registration",
            "client id  app-0a22",
            "object id  0a22",
            "owners     not read: nothing needed them so far",
            "Client secret “secret 0c21”, ends 2108-04-21 10:00 UTC, in",
            "key id     0c21",
            "state      valid, info",
            "posture    sole, last one",
            "window     none crossed (of 60d, 30d, 14d, 7d, 3d, 1d, 0s)",
            "rules      no route matches",
            "reason     not_yet: no threshold is crossed yet",
            "told       nobody yet",
        ] {
            assert!(text.contains(said), "{asked}: no {said:?} in\n{text}");
        }
    }
    let one = out(&explain("0c12"));
    assert!(one.contains("key id     0c12") && !one.contains("0c11\n"), "a key id names one credential:\n{one}");
}

#[test]
fn what_names_nothing_or_several_is_answered_with_what_may_have_been_meant() {
    let directory = watched();
    let explain = |asked: &str| entrawatch_with(directory.path(), &["explain", asked, "-c", "entrawatch.toml"], &[]);
    let nothing = explain("Wikki");
    assert_eq!(code(&nothing), 1);
    let text = out(&nothing);
    assert!(text.starts_with("nothing that was seen in contoso has the name, the id or the key id \"Wikki\""), "{text}");
    assert!(text.contains("Did you mean:\n\n  Wiki in contoso: app registration 0a22, client id app-0a22"), "{text}");
    let several = explain("i");
    assert_eq!(code(&several), 1);
    let text = out(&several);
    assert!(text.starts_with("\"i\" names several applications; ask again with one of these ids:"), "{text}");
    assert!(text.contains("0a11") && text.contains("0a22"), "{text}");
}
