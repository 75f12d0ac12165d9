//! Mails: what they say, what they are made of, how they leave.

mod exim;
mod faults;
mod folder;
mod letters;
mod sessions;
