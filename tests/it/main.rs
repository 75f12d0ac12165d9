//! The one integration binary.

mod inventory;
mod support;
