//! The one integration binary.

mod demo;
mod inventory;
mod policy;
mod shutdown;
mod store;
mod support;
