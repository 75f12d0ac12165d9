//! The national clouds: which hosts sign in, answer and show. A tenant may override each.

/// A national cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are Microsoft's")]
pub enum Cloud {
    Global,
    Usgov,
    UsgovDod,
    China,
    Bleu,
    Delos,
    Govsg,
}

/// The hosts of a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Where tokens come from.
    pub login: &'static str,
    /// Microsoft Graph.
    pub graph: &'static str,
    /// The Entra portal; `None`: no source names it, so a tenant there says it itself.
    pub portal: Option<&'static str>,
    /// What a token for Exchange Online's SMTP servers is asked for; `None`: no source names it, so the transport says it itself.
    pub smtp_scope: Option<&'static str>,
}

impl Cloud {
    /// Its hosts.
    pub const fn preset(self) -> Preset {
        match self {
            Self::Global => Preset {
                login: "https://login.microsoftonline.com",
                graph: "https://graph.microsoft.com",
                portal: Some("https://entra.microsoft.com"),
                smtp_scope: Some("https://outlook.office365.com/.default"),
            },
            Self::Usgov => Preset {
                login: "https://login.microsoftonline.us",
                graph: "https://graph.microsoft.us",
                portal: Some("https://entra.microsoft.us"),
                smtp_scope: Some("https://outlook.office365.us/.default"),
            },
            Self::UsgovDod => Preset {
                login: "https://login.microsoftonline.us",
                graph: "https://dod-graph.microsoft.us",
                portal: Some("https://entra.microsoft.us"),
                smtp_scope: None,
            },
            Self::China => Preset {
                login: "https://login.chinacloudapi.cn",
                graph: "https://microsoftgraph.chinacloudapi.cn",
                portal: Some("https://entra.microsoftonline.cn"),
                smtp_scope: Some("https://partner.outlook.cn/.default"),
            },
            Self::Bleu => Preset {
                login: "https://login.sovcloud-identity.fr",
                graph: "https://graph.svc.sovcloud.fr",
                portal: None,
                smtp_scope: None,
            },
            Self::Delos => Preset {
                login: "https://login.sovcloud-identity.de",
                graph: "https://graph.svc.sovcloud.de",
                portal: None,
                smtp_scope: None,
            },
            Self::Govsg => Preset {
                login: "https://login.sovcloud-identity.sg",
                graph: "https://graph.svc.sovcloud.sg",
                portal: None,
                smtp_scope: None,
            },
        }
    }

    /// The cloud whose sign-in has this host, as in `AZURE_AUTHORITY_HOST`. `login.microsoftonline.us` serves two; it means `usgov`.
    pub(super) fn of_login_host(host: &str) -> Option<Self> {
        match host {
            "login.microsoftonline.com" | "login.windows.net" => Some(Self::Global),
            "login.microsoftonline.us" => Some(Self::Usgov),
            "login.chinacloudapi.cn" | "login.partner.microsoftonline.cn" => Some(Self::China),
            "login.sovcloud-identity.fr" => Some(Self::Bleu),
            "login.sovcloud-identity.de" => Some(Self::Delos),
            "login.sovcloud-identity.sg" => Some(Self::Govsg),
            _ => None,
        }
    }
}
