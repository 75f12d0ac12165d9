//! Who is told what when, over the life of credentials (DESIGN section 4).

mod lives;
mod load;
mod properties;
pub mod world;

pub use world::rules;
