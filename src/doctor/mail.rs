//! Whether mails could leave.

use super::Finding;
use crate::config::{Config, TransportConfig};
use crate::graph::{Client, Context};
use crate::mail::smtp::hint;
use crate::mail::trial;

const TRY: &str = "entrawatch mail test --to you@example.com";

pub(super) async fn examine(config: &Config, context: &Context) -> Finding {
    let Some(mail) = &config.mail else {
        return Finding::advice("mail", "there is no [mail], so nobody is told anything")
            .change("write one; this shows how:")
            .command("entrawatch config example");
    };
    let identity = |name: &str| {
        let tenant = config.tenants.iter().find(|tenant| tenant.name == name)?;
        Some(Client::new(tenant, context.clone()))
    };
    match (trial::knock(mail, identity).await, &mail.transport) {
        (Ok(Ok(what)), TransportConfig::Folder { .. }) => {
            Finding::advice("mail", what).change("good for a trial; write an SMTP server, or Microsoft Graph, when it is over")
        }
        (Ok(Ok(what)), _) => Finding::ok("mail", what).change("whether a mail arrives, only a mail shows:").command(TRY),
        (Ok(Err(error)), _) => {
            let found = Finding::wrong("mail", error.answer.clone());
            let found = match hint(&error.answer) {
                Some(hint) => found.change(format!("usually: {hint}")),
                None => found.change("mend mail.transport, and try it; this shows the whole conversation:"),
            };
            found.command(TRY)
        }
        (Err(error), _) => Finding::wrong("mail", format!("{error:#}")),
    }
}
