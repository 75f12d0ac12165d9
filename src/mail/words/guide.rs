//! What to do, in order, task by task.

use super::{NAMES, code};
use crate::mail::letter::{Fact, Step};
use crate::mail::links::Ids;
use crate::mail::situation::Task;

/// What a command line is for.
const AZURE_CLI: &str = "Azure command line";
const POWERSHELL: &str = "PowerShell";
const GRAPH: &str = "Microsoft Graph";

/// Heading of a guide: `What to do: replace a client secret`.
#[must_use]
pub fn title(task: Task, letter: Option<char>) -> String {
    let what = name(task);
    letter.map_or_else(|| format!("What to do: {what}"), |letter| format!("{letter}. {}", capital(what)))
}

/// Points from a credential to its guide: `What to do: A, below`.
#[must_use]
pub fn reference(letter: char) -> String {
    format!("What to do: see {letter} below.")
}

/// The same, in a table.
#[must_use]
pub fn pointer(letter: char) -> String {
    format!("what to do: {letter}")
}

fn name(task: Task) -> &'static str {
    match task {
        Task::Secret => "replace a client secret",
        Task::Certificate => "replace a certificate",
        Task::ServicePrincipalSecret => "replace a secret of an enterprise application",
        Task::ServicePrincipalCertificate => "replace a certificate of an enterprise application",
        Task::RenewSaml => "replace a SAML signing certificate",
        Task::ActivateSaml => "bring the new SAML signing certificate into use",
        Task::TokenEncryption => "replace a token encryption certificate",
        Task::FinishRotation => "finish the change to the newer one",
        Task::SelfRenewing => "find out why it was not renewed",
        Task::MultiFactor => "renew the certificate of the NPS extension or of AD FS",
        Task::ExchangeHybrid => "renew the Auth certificate of Exchange hybrid",
    }
}

/// What goes before the steps.
#[must_use]
pub fn intro(task: Task) -> Vec<String> {
    let said: &[&str] = match task {
        Task::Secret | Task::Certificate => &[],
        Task::ServicePrincipalSecret | Task::ServicePrincipalCertificate => {
            &["It is on the enterprise application (the service principal: what the application is in this tenant), not \
                on an app registration. The portal has no page for these; a command line does it. Application \
                Administrator is a role that may."]
        }
        Task::RenewSaml | Task::ActivateSaml => {
            &["Two sides have to change: Entra, which signs, and the application people sign in to (the service \
                provider), which must trust the certificate before Entra uses it. Whoever runs the application has to do \
                the second part."]
        }
        Task::TokenEncryption => {
            &["Entra encrypts with the public part; the application decrypts with the private key. The application must \
                have the new private key before Entra uses the new certificate."]
        }
        Task::FinishRotation => &["The new one is there. What remains is to make sure that the old one is not used any more."],
        Task::SelfRenewing => {
            &["The server with Microsoft Entra Connect Sync renews it while it runs, unless an administrator brought a \
                certificate or an application of their own."]
        }
        Task::MultiFactor => {
            &["This application is Microsoft's; the certificate on it is yours. The NPS extension for multi-factor \
                authentication, or AD FS, signs in with it, and lives two years with it. When it ends, sign-ins that \
                need a second factor there fail (VPN, remote desktop)."]
        }
        Task::ExchangeHybrid => {
            &["This application is Microsoft's; the certificate on it is yours: your Exchange servers sign in to \
                Exchange Online with it (free/busy, moves, hybrid mail)."]
        }
    };
    said.iter().map(|sentence| (*sentence).to_owned()).collect()
}

/// The steps, with the ids of the one item they are for, or with placeholders where they are for several.
#[must_use]
pub fn steps(task: Task, ids: &Ids, over: bool) -> Vec<Step> {
    let when = if over { "now" } else { "before this one ends" };
    match task {
        Task::Secret => secret(when),
        Task::Certificate => certificate(when),
        Task::ServicePrincipalSecret => service_principal_secret(ids, when),
        Task::ServicePrincipalCertificate => service_principal_certificate(ids, when),
        Task::RenewSaml => {
            let mut steps = vec![text(
                "Make a new certificate: on the application's page *Single sign-on*, under *SAML Certificates*, choose \
                 *Edit*, *New Certificate*, *Save*. It is inactive at first, so nothing changes yet.",
            )];
            steps.extend(saml());
            steps
        }
        Task::ActivateSaml => saml(),
        Task::TokenEncryption => token_encryption(),
        Task::FinishRotation => finish_rotation(),
        Task::SelfRenewing => self_renewing(),
        Task::MultiFactor => multi_factor(),
        Task::ExchangeHybrid => exchange_hybrid(),
    }
}

fn secret(when: &str) -> Vec<Step> {
    vec![
        text(&format!(
            "Create the new secret {when}: on the application's page *Certificates & secrets*, choose *New client \
             secret*. Both work side by side."
        )),
        text(
            "Record its value at once, in your vault. It is shown only this once; nobody can read it again later. (The \
             Secret ID beside it is not the value.)",
        ),
        text(
            "Put the new value into the application's own configuration, everywhere it runs, and restart it if it reads \
             its configuration only at start.",
        ),
        text(
            "Check that the application works with it. (The sign-in logs say which one was used: *Service principal \
             sign-ins*, *credential key ID*.)",
        ),
        text("Then remove the old secret."),
    ]
}

fn certificate(when: &str) -> Vec<Step> {
    vec![
        text(&format!(
            "Get a new certificate {when}, and upload its public part (.cer, .pem or .crt) on the application's page \
             *Certificates & secrets*, under *Certificates*. Both work side by side."
        )),
        text(
            "Install it with its private key where the application runs. The private key never goes to Entra, into a \
             mail or into a ticket.",
        ),
        text(
            "Point the application's own configuration at the new certificate (by its thumbprint, or by its file), and \
             restart the application if it needs that.",
        ),
        text(
            "Check that the application works with it. (The sign-in logs say which one was used: *Service principal \
             sign-ins*, *credential key ID*.)",
        ),
        text("Then remove the old certificate."),
    ]
}

fn service_principal_secret(ids: &Ids, when: &str) -> Vec<Step> {
    let Ids { app, object, key } = ids;
    vec![
        with(
            &format!(
                "Create the new secret {when}, by one of these. Without {} the Azure command line removes every other \
                 credential of the application.",
                code("--append")
            ),
            [
                (AZURE_CLI, format!("az ad sp credential reset --id {app} --append --years 1")),
                (POWERSHELL, format!("Add-MgServicePrincipalPassword -ServicePrincipalId {object}")),
                (GRAPH, format!("POST /v1.0/servicePrincipals/{object}/addPassword")),
            ],
        ),
        text(
            "Record the value that it prints at once, in your vault. It is shown only this once; nobody can read it \
             again later.",
        ),
        text(
            "Put the new value into the configuration of whatever signs in with it, and restart that if it reads its \
             configuration only at start.",
        ),
        text(
            "Check that it works. (The sign-in logs say which one was used: *Service principal sign-ins*, *credential \
            key ID*.)",
        ),
        with(
            "Then remove the old secret:",
            [
                (AZURE_CLI, format!("az ad sp credential delete --id {app} --key-id {key}")),
                (POWERSHELL, format!("Remove-MgServicePrincipalPassword -ServicePrincipalId {object} -KeyId {key}")),
            ],
        ),
    ]
}

fn service_principal_certificate(ids: &Ids, when: &str) -> Vec<Step> {
    let Ids { app, key, .. } = ids;
    vec![
        with(
            &format!(
                "Get a new certificate {when}, and add its public part. Without {} the Azure command line removes every \
                 other credential of the application.",
                code("--append")
            ),
            [(AZURE_CLI, format!("az ad sp credential reset --id {app} --append --cert @new.pem"))],
        ),
        text(
            "Install it with its private key where it is used. The private key never goes to Entra, into a mail or into \
             a ticket.",
        ),
        text("Point the configuration of whatever signs in with it at the new certificate."),
        text(
            "Check that it works. (The sign-in logs say which one was used: *Service principal sign-ins*, *credential \
            key ID*.)",
        ),
        with(
            "Then remove the old certificate:",
            [(AZURE_CLI, format!("az ad sp credential delete --id {app} --key-id {key} --cert"))],
        ),
    ]
}

fn saml() -> Vec<Step> {
    vec![
        text(
            "Download the new certificate (or the federation metadata) there and give it to whoever runs the \
             application. They upload it on their side, beside the old one if it can hold two; if it cannot, agree on a \
             time and do this and the next step together.",
        ),
        text("When they have done so, make the new certificate active (the menu at its row, *Make certificate active*)."),
        text("Check that it works: sign in to the application, or use *Test* on the same page."),
        text("Then delete the old certificate."),
    ]
}

fn token_encryption() -> Vec<Step> {
    vec![
        text(
            "Get a new certificate from whoever runs the application, or make a key pair for it. Its private key must be \
             in the application before the next step but one, beside the old one.",
        ),
        text(
            "Import the public part into Entra: on the application's page *Token encryption* (for an app registration \
             without that page: in its manifest, under keyCredentials).",
        ),
        text("Activate the new certificate there. From then on Entra encrypts with it."),
        text("Check that it works: sign in to the application."),
        text("Then remove the old certificate, in Entra and in the application."),
    ]
}

fn finish_rotation() -> Vec<Step> {
    vec![
        text(
            "Check that the application uses the newer one, everywhere it runs. (The sign-in logs say which one was \
             used: *Service principal sign-ins*, *credential key ID*.)",
        ),
        text(
            "Where it does not, put the newer one into its configuration. The value of a client secret cannot be read \
             again; if nobody recorded it, create another.",
        ),
        text("Remove the old one. If nothing complains, you are done."),
    ]
}

fn self_renewing() -> Vec<Step> {
    vec![
        with(
            "On the server with Microsoft Entra Connect Sync, check that it runs and that its scheduler is on:",
            [(POWERSHELL, "Get-ADSyncScheduler".to_owned())],
        ),
        text("Read its event log (Application, source Directory Synchronization) for why the certificate was not renewed."),
        text(
            "In its wizard, run the task that rotates the application certificate. If you brought the certificate or the \
             application yourselves, renew it yourselves.",
        ),
        text("If that server is gone for good, remove the application, or silence it."),
    ]
}

fn multi_factor() -> Vec<Step> {
    vec![
        with(
            "NPS extension: on each server that has it, run its set-up script again. It makes a new certificate and \
             uploads it. Then restart NPS.",
            [
                (POWERSHELL, r"C:\Program Files\Microsoft\AzureMfa\Config\AzureMfaNpsExtnConfigSetup.ps1".to_owned()),
                (POWERSHELL, "Restart-Service ias".to_owned()),
            ],
        ),
        with(
            "AD FS: make a new certificate on each server, add it to this application, then restart AD FS.",
            [(POWERSHELL, "New-AdfsAzureMfaTenantCertificate -TenantId <tenant id>".to_owned())],
        ),
        text("Check that a sign-in with a second factor works."),
        text("Then remove the old certificate."),
    ]
}

fn exchange_hybrid() -> Vec<Step> {
    vec![
        with(
            "On an Exchange server, see which Auth certificate is current and make the next one:",
            [
                (POWERSHELL, "Get-AuthConfig | Format-List *Thumbprint*".to_owned()),
                (POWERSHELL, r".\MonitorExchangeAuthCertificate.ps1".to_owned()),
            ],
        ),
        text("Run the Hybrid Configuration Wizard again. It uploads the new certificate."),
        text("Check that free/busy works in both directions."),
        text("Then remove the old certificate."),
    ]
}

/// What goes after the steps.
#[must_use]
pub fn outro(task: Task, over: bool) -> Vec<String> {
    let said: &[&str] = match task {
        Task::Secret => {
            &["A client secret made in the portal lives 24 months at most. Better than a new secret is none: a managed \
                identity or a federated credential needs nothing renewed, and a certificate is harder to steal than a \
                secret."]
        }
        Task::ServicePrincipalSecret => {
            &["If a vendor's application uses this secret, the vendor's own secrets live in the vendor's tenant and \
                cannot be seen from here."]
        }
        Task::RenewSaml if !over => {
            &["Do not let it run out: when the active certificate ends, Entra switches by itself to any valid one that \
                exists, whether or not the application knows it."]
        }
        _ => &[],
    };
    said.iter().map(|sentence| (*sentence).to_owned()).collect()
}

fn text(text: &str) -> Step {
    with(text, [])
}

fn with<const N: usize>(text: &str, commands: [(&str, String); N]) -> Step {
    Step { text: named(text), commands: commands.map(|(label, value)| Fact { label: label.to_owned(), value }).into() }
}

/// A sentence in which `*…*` stands round names that the reader will find on the screen.
fn named(sentence: &str) -> String {
    let mut parts = sentence.split('*');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.enumerate().fold(first, |said, (index, part)| said + [NAMES.0, NAMES.1][index % 2].encode_utf8(&mut [0; 4]) + part)
}

fn capital(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
