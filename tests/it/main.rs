//! The one integration binary.

mod demo;
mod inventory;
mod support;
