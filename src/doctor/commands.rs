//! The commands that mend what is wrong: for a shell with the Azure CLI, signed in as an administrator. Each is whole: it can be copied
//! and run.

use crate::config::{AuthConfig, Cloud, TenantConfig};
use crate::own::GRAPH_APP_ID;

/// How the Azure CLI calls a cloud; `None`: it does not know it.
fn azure_cloud(cloud: Cloud) -> Option<&'static str> {
    match cloud {
        Cloud::Global => Some("AzureCloud"),
        Cloud::Usgov | Cloud::UsgovDod => Some("AzureUSGovernment"),
        Cloud::China => Some("AzureChinaCloud"),
        Cloud::Bleu | Cloud::Delos | Cloud::Govsg => None,
    }
}

fn sign_in(tenant: &TenantConfig) -> String {
    let cloud = azure_cloud(tenant.cloud).filter(|_| tenant.cloud != Cloud::Global);
    let set = cloud.map(|cloud| format!("az cloud set --name {cloud}\n")).unwrap_or_default();
    format!("{set}az login --tenant {} --allow-no-subscriptions", tenant.tenant_id)
}

fn role(permission: &str) -> String {
    format!("az ad sp show --id {GRAPH_APP_ID} --query \"appRoles[?value=='{permission}'].id\" --output tsv")
}

/// Grants a permission and consents to it.
pub(super) fn grant(tenant: &TenantConfig, client_id: &str, permission: &str) -> String {
    let (graph, role) = (tenant.graph_url.as_str().trim_end_matches('/'), role(permission));
    let grant = if matches!(tenant.auth, AuthConfig::ManagedIdentity(_)) {
        format!(
            "identity=$(az ad sp show --id {client_id} --query id --output tsv)\n\
             az rest --method POST --url \"{graph}/v1.0/servicePrincipals/$identity/appRoleAssignments\" --body \"{{\\\"principalId\\\": \
             \\\"$identity\\\", \\\"resourceId\\\": \\\"$(az ad sp show --id {GRAPH_APP_ID} --query id --output tsv)\\\", \\\"appRoleId\\\": \
             \\\"$({role})\\\"}}\""
        )
    } else {
        format!(
            "az ad app permission add --id {client_id} --api {GRAPH_APP_ID} --api-permissions \"$({role})=Role\"\n\
             az ad app permission admin-consent --id {client_id}"
        )
    };
    format!("{}\n{grant}", sign_in(tenant))
}

/// Takes a permission, and the consent to it, away; `first` is granted before.
pub(super) fn revoke(tenant: &TenantConfig, client_id: &str, permission: &str, first: Option<&str>) -> String {
    let (graph, role) = (tenant.graph_url.as_str().trim_end_matches('/'), role(permission));
    let assignments = format!("{graph}/v1.0/servicePrincipals/$principal/appRoleAssignments");
    let registered = if matches!(tenant.auth, AuthConfig::ManagedIdentity(_)) {
        String::new()
    } else {
        format!("az ad app permission delete --id {client_id} --api {GRAPH_APP_ID} --api-permissions \"$role\"\n")
    };
    let begin = first.map_or_else(|| sign_in(tenant), |first| grant(tenant, client_id, first));
    format!(
        "{begin}\nrole=$({role})\nprincipal=$(az ad sp show --id {client_id} --query id --output tsv)\n{registered}\
         assignment=$(az rest --url \"{assignments}\" --query \"value[?appRoleId=='$role'].id\" --output tsv)\n\
         az rest --method DELETE --url \"{assignments}/$assignment\""
    )
}

/// Makes the next credential and leaves the others where they are.
pub(super) fn renew(tenant: &TenantConfig, client_id: &str) -> String {
    let renew = match &tenant.auth {
        AuthConfig::Certificate { .. } => {
            format!(
                "openssl req -x509 -newkey rsa:2048 -sha256 -days 365 -nodes -subj /CN=entrawatch -keyout entrawatch.key -out entrawatch.crt\n\
                 az ad app credential reset --id {client_id} --append --cert @entrawatch.crt"
            )
        }
        _ => {
            format!(
                "(umask 077; az ad app credential reset --id {client_id} --append --display-name entrawatch --years 1 --query password \
                 --output tsv > client-secret)"
            )
        }
    };
    format!("{}\n{renew}", sign_in(tenant))
}

/// What mends a sign-in that Entra refused with this code.
pub(super) fn mend_sign_in(tenant: &TenantConfig, code: u32) -> Option<String> {
    let client_id = &tenant.client_id;
    Some(match code {
        7_000_215 | 7_000_222 => renew(tenant, client_id),
        700_027 => {
            let AuthConfig::Certificate { certificate_file, .. } = &tenant.auth else { return None };
            let file = certificate_file.display();
            format!("{}\naz ad app credential reset --id {client_id} --append --cert @{file}", sign_in(tenant))
        }
        7_000_229 => format!("{}\naz ad sp create --id {client_id}", sign_in(tenant)),
        7_000_112 => format!("{}\naz ad sp update --id {client_id} --set accountEnabled=true", sign_in(tenant)),
        700_024 => "timedatectl set-ntp true".to_owned(),
        _ => return None,
    })
}
