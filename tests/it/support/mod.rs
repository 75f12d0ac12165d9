//! What the tests share.

pub mod builder;
