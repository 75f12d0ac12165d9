//! The one integration binary.

mod demo;
mod inventory;
mod policy;
mod store;
mod support;
