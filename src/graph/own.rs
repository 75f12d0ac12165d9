//! The application that EntraWatch itself signs in as. It may read itself without any permission.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batch::Item;
use super::client::Client;
use super::listing::selection;
use super::{Error, wire};
use crate::inventory::{DirectoryObject, ObjectKind};
use crate::own::{self, Home, Needs, OwnApplication};

/// Within this time it must have been read.
const WITHIN: Duration = Duration::from_mins(1);

impl Client {
    /// Reads it by its app id: its credentials, where its app registration is, what its token allows.
    pub async fn own(&self, needs: Needs) -> Result<OwnApplication, Error> {
        let mut patience = self.patience_of(WITHIN);
        let token = self.tokens().get_within(self.scope(), &mut patience).await?;
        let (sign_in, mark) = self.tokens().mark().await?;
        let client_id = token.claims().and_then(|claims| claims.appid).unwrap_or_else(|| self.client_id().to_owned());
        let item = |kind: ObjectKind| {
            let collection = super::listing::collection(kind);
            let path = format!("/{collection}(appId='{client_id}')?$select={}", selection(kind));
            Item { path, keys: true }
        };
        let kinds = [ObjectKind::Application, ObjectKind::ServicePrincipal];
        let bodies = self.batch(&kinds.map(item), &mut patience).await;
        let mut objects = Vec::new();
        let mut hints = BTreeMap::new();
        for (kind, body) in kinds.into_iter().zip(bodies) {
            match body {
                Ok(body) => {
                    let object = wire::decode(kind, body.get()).map_err(|refused| Error::Object(refused.why))?;
                    hints.extend(wire::hints(body.get()));
                    objects.push(object);
                }
                Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let now = self.context().clock.now();
        Ok(OwnApplication {
            read_at: now,
            client_id: client_id.to_lowercase(),
            name: objects.first().map(|object| object.display_name.clone()),
            sign_in,
            home: home(&objects),
            credentials: own::credentials(&objects, &hints, &mark, now),
            permissions: token.claims().map(|claims| own::permissions(&claims.roles, needs)),
        })
    }
}

fn home(objects: &[DirectoryObject]) -> Home {
    if objects.iter().any(|object| object.key.kind == ObjectKind::Application) {
        return Home::Here;
    }
    let principal = objects.first();
    match principal.and_then(|principal| principal.service_principal_type.as_deref()) {
        Some("ManagedIdentity") => Home::Platform,
        _ => Home::Elsewhere(principal.and_then(|principal| principal.owner_tenant.clone())),
    }
}
