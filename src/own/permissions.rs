//! What the application permissions in EntraWatch's token allow, what is missing and what is too much.

use serde::{Deserialize, Serialize};

/// Microsoft Graph itself, the same in every tenant: whose permissions these are.
pub const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// What everything here needs.
const READ_APPLICATIONS: &str = "Application.Read.All";

/// What mailing owners needs besides.
const READ_USERS: &str = "User.ReadBasic.All";

/// What allows the same as [`READ_APPLICATIONS`], and more.
const MORE_THAN_APPLICATIONS: &[&str] = &["Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];

/// What allows the same as [`READ_USERS`], and more.
const MORE_THAN_USERS: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];

/// What the configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Owners are mailed, or routes look at their addresses.
    pub owners: bool,
}

/// What EntraWatch may do in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Every permission that it has, in order of names.
    pub held: Vec<Held>,
    /// What it lacks.
    pub missing: Vec<Missing>,
    /// What it has and should not.
    pub superfluous: Vec<Superfluous>,
}

/// The name of a permission in a token.
pub type Held = String;

/// A permission that it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name.
    pub permission: String,
    /// What it is needed for.
    pub needed_for: String,
}

/// A permission that it should not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superfluous {
    /// Its name.
    pub permission: String,
    /// Why, and what to do.
    pub advice: String,
    /// What is to be granted before it is taken away.
    #[serde(default)]
    pub first: Option<String>,
}

/// Judges the `roles` of a token.
#[must_use]
pub fn permissions(roles: &[String], needs: Needs) -> Permissions {
    let mut held = roles.to_vec();
    held.sort();
    held.dedup();
    let has = |name: &str| held.iter().any(|role| role == name);
    let mut missing = Vec::new();
    if !has(READ_APPLICATIONS) && !MORE_THAN_APPLICATIONS.iter().any(|name| has(name)) {
        missing.push(Missing {
            permission: READ_APPLICATIONS.to_owned(),
            needed_for: "reading applications, service principals and their owners".to_owned(),
        });
    }
    if needs.owners && !has(READ_USERS) && !MORE_THAN_USERS.iter().any(|name| has(name)) {
        missing.push(Missing {
            permission: READ_USERS.to_owned(),
            needed_for: "reading the addresses of owners, who are to be mailed".to_owned(),
        });
    }
    let superfluous = held
        .iter()
        .filter_map(|role| {
            let advice = advice(role, needs, &held)?;
            let first = enough_for(role, needs).filter(|enough| !has(enough)).map(str::to_owned);
            Some(Superfluous { permission: role.clone(), advice, first })
        })
        .collect();
    Permissions { held, missing, superfluous }
}

/// What is enough in place of a permission that allows more.
fn enough_for(role: &str, needs: Needs) -> Option<&'static str> {
    if MORE_THAN_APPLICATIONS.contains(&role) {
        Some(READ_APPLICATIONS)
    } else {
        (needs.owners && MORE_THAN_USERS.contains(&role)).then_some(READ_USERS)
    }
}

/// Why a permission is too much; `None`: it is needed.
fn advice(role: &str, needs: Needs, held: &[String]) -> Option<String> {
    let take = |instead: &str| {
        let first =
            if held.iter().any(|role| role == instead) { "take it away" } else { "grant that one, then take this one away" };
        format!("{instead} is enough: {first}")
    };
    Some(match role {
        READ_APPLICATIONS => return None,
        READ_USERS if needs.owners => return None,
        READ_USERS => "it is needed to mail owners, and recipients.owners is false: take it away".to_owned(),
        "Mail.Send" => {
            "it lets EntraWatch send as every mailbox of the tenant: give it the role Application Mail.Send for one mailbox in Exchange \
             Online where it mails by Microsoft Graph (docs/mail.md says how), then take this one away"
                .to_owned()
        }
        "Application.ReadWrite.All" | "Directory.ReadWrite.All" => {
            format!("EntraWatch changes nothing; {}", take(READ_APPLICATIONS))
        }
        "Directory.Read.All" => take(READ_APPLICATIONS),
        "User.Read.All" | "User.ReadWrite.All" if needs.owners => take(READ_USERS),
        name if name.contains("ReadWrite") || name.contains(".Write") => "EntraWatch changes nothing: take it away".to_owned(),
        _ => "EntraWatch does not use it: take it away".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNERS: Needs = Needs { owners: true };
    const NO_OWNERS: Needs = Needs { owners: false };

    fn judged(roles: &[&str], needs: Needs) -> (Vec<String>, Vec<String>) {
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let Permissions { missing, superfluous, .. } = permissions(&roles, needs);
        (
            missing.into_iter().map(|missing| missing.permission).collect(),
            superfluous.into_iter().map(|superfluous| superfluous.permission).collect(),
        )
    }

    #[test]
    fn exactly_what_is_needed_is_right() {
        let right = (Vec::new(), Vec::new());
        assert_eq!(judged(&[READ_APPLICATIONS], NO_OWNERS), right);
        assert_eq!(judged(&[READ_USERS, READ_APPLICATIONS], OWNERS), right);
    }

    #[test]
    fn what_is_missing_is_named_with_what_it_is_for() {
        assert_eq!(judged(&[], NO_OWNERS).0, [READ_APPLICATIONS]);
        assert_eq!(judged(&[], OWNERS).0, [READ_APPLICATIONS, READ_USERS]);
        assert_eq!(judged(&["Application.ReadWrite.OwnedBy"], NO_OWNERS).0, [READ_APPLICATIONS]);
        let missing = permissions(&[], OWNERS).missing;
        assert_eq!(missing[1].needed_for, "reading the addresses of owners, who are to be mailed");
    }

    #[test]
    fn more_than_is_needed_works_and_is_too_much() {
        for more in ["Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"] {
            assert_eq!(judged(&[more], NO_OWNERS), (Vec::new(), vec![more.to_owned()]), "{more}");
        }
        assert_eq!(judged(&["Directory.Read.All"], OWNERS).0, Vec::<String>::new());
        assert_eq!(judged(&[READ_APPLICATIONS, "User.Read.All"], OWNERS), (Vec::new(), vec!["User.Read.All".to_owned()]));
        assert_eq!(judged(&[READ_APPLICATIONS, READ_USERS], NO_OWNERS).1, [READ_USERS]);
        assert_eq!(judged(&[READ_APPLICATIONS, "Sites.Read.All"], NO_OWNERS).1, ["Sites.Read.All"]);
    }

    #[test]
    fn mail_send_for_the_whole_tenant_is_always_too_much() {
        let roles = [READ_APPLICATIONS.to_owned(), "Mail.Send".to_owned()];
        let superfluous = permissions(&roles, NO_OWNERS).superfluous;
        assert_eq!(superfluous.len(), 1);
        assert!(superfluous[0].advice.starts_with("it lets EntraWatch send as every mailbox"), "{}", superfluous[0].advice);
    }

    #[test]
    fn the_advice_says_what_comes_first() {
        let advice = |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            permissions(&roles, NO_OWNERS).superfluous[0].advice.clone()
        };
        assert_eq!(advice(&["Directory.Read.All"]), "Application.Read.All is enough: grant that one, then take this one away");
        assert_eq!(advice(&["Directory.Read.All", READ_APPLICATIONS]), "Application.Read.All is enough: take it away");
    }
}
