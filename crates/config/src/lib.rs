//! Every configuration key, declared once: names, type, default, unit, range and documentation.
//!
//! The declarations are in [`table`]; the typed [`Config`], the checks, `showcfg`, the reference page and
//! the commented start-up file are all derived from them. This crate reads no file and no environment:
//! texts are handed in and a [`Config`] or a list of [`Mistake`]s comes out.

mod docs;
mod key;
mod layers;
mod mistake;
mod table;
mod value;
mod words;

pub use docs::{commented_file, reference_page};
pub use key::{Applies, Group, Key, Kind, check_value, find, find as find_key, nearest};
pub use layers::{Layers, Resolved, Row, Source, resolve};
pub use mistake::{BadValue, Mistake, Place, Why};
pub use table::{Config, KEYS};
pub use value::{Addresses, Decimal, List};
