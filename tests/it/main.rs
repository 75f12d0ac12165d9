//! The one integration binary.

mod demo;
mod inventory;
mod store;
mod support;
