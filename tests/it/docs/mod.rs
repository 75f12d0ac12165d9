//! What the documents say is so: their links lead somewhere, their commands are accepted, their configurations are valid.

mod commands;
mod configurations;
mod links;
pub mod pages;
mod reference;
mod walk;
