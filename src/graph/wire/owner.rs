//! Who owns an object.

use serde::Deserialize;

use crate::inventory::{Owner, OwnerKind};

/// One page of owners.
#[derive(Debug)]
pub(in crate::graph) struct OwnersPage {
    /// The owners.
    pub owners: Vec<Owner>,
    /// Where the next page is.
    pub next_link: Option<String>,
}

/// Reads a page of owners from repaired text.
pub(in crate::graph) fn owners(body: &str) -> Result<OwnersPage, serde_json::Error> {
    let page = super::Page::read(body)?;
    let owners = page.objects.iter().map(|raw| serde_json::from_str(raw.get()).map(owner)).collect::<Result<_, _>>()?;
    Ok(OwnersPage { owners, next_link: page.next_link })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "@odata.type")]
    odata_type: Option<String>,
    id: String,
    display_name: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
}

fn owner(wire: Wire) -> Owner {
    let present = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let (name, mail, principal_name) = (present(wire.display_name), present(wire.mail), present(wire.user_principal_name));
    let kind = match wire.odata_type.as_deref().map(|name| name.trim_start_matches("#microsoft.graph.")) {
        Some("servicePrincipal" | "agentIdentity" | "agentIdentityBlueprintPrincipal") => OwnerKind::ServicePrincipal,
        Some("user") | None if principal_name.as_deref().is_some_and(|name| name.contains("#EXT#")) => OwnerKind::Guest,
        Some("user") => OwnerKind::User,
        None if principal_name.is_some() => OwnerKind::User,
        _ => OwnerKind::Other,
    };
    // A service principal has neither address nor principal name, and is readable all the same.
    let limited = name.is_none() && mail.is_none() && principal_name.is_none();
    Owner { id: wire.id.trim().to_ascii_lowercase(), kind, name, mail, limited }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(fields: &str) -> Owner {
        owners(&format!(r#"{{"value":[{{{fields}}}]}}"#)).unwrap().owners.remove(0)
    }

    #[test]
    fn an_owner_is_a_user_a_guest_a_service_principal_or_something_else() {
        let user = one(
            r##""@odata.type":"#microsoft.graph.user","id":"U","displayName":"Ann","mail":"a@x.org","userPrincipalName":"a@x.org""##,
        );
        assert_eq!(
            user,
            Owner {
                id: "u".into(),
                kind: OwnerKind::User,
                name: Some("Ann".into()),
                mail: Some("a@x.org".into()),
                limited: false
            }
        );
        let guest = one(r##""@odata.type":"#microsoft.graph.user","id":"g","userPrincipalName":"b_y.org#EXT#@x.org""##);
        assert_eq!((guest.kind, guest.limited), (OwnerKind::Guest, false));
        let principal = one(r##""@odata.type":"#microsoft.graph.servicePrincipal","id":"s","displayName":"pipeline""##);
        assert_eq!((principal.kind, principal.limited), (OwnerKind::ServicePrincipal, false));
        assert_eq!(one(r##""@odata.type":"#microsoft.graph.group","id":"o","displayName":"x""##).kind, OwnerKind::Other);
        assert_eq!(one(r#""id":"t","userPrincipalName":"c@x.org""#).kind, OwnerKind::User);
    }

    #[test]
    fn an_owner_of_whom_only_type_and_id_came_is_limited() {
        let limited =
            one(r##""@odata.type":"#microsoft.graph.user","id":"u","displayName":null,"mail":null,"userPrincipalName":null"##);
        assert_eq!((limited.kind, limited.limited), (OwnerKind::User, true));
        assert!(one(r#""id":"id-value""#).limited);
    }
}
