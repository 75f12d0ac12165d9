//! Mails: what they say, what they are made of, how they leave.

mod exim;
mod faults;
mod folder;
mod graph;
mod hostile;
mod letters;
mod peer;
mod sessions;
mod tokens;
