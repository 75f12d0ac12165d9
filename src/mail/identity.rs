//! What it means for mails that EntraWatch cannot sign in to Microsoft.

use crate::graph::Error;

/// Whether an error of the sign-in stays until somebody mends something; the others pass by themselves.
#[must_use]
pub fn is_lasting(error: &Error) -> bool {
    match error {
        Error::SignIn(refused) => !refused.is_passing(),
        Error::Identity(_) | Error::TokenRefused(_) | Error::Setup(_) => true,
        _ => false,
    }
}
