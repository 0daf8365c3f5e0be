//! Pure: what nginx would say of a piece of configuration, so that a bad one is refused before it
//! reaches a pod.
//!
//! The syntax is checked in full, and each directive's name, place, number of arguments and repetition.
//! What takes more than the text (files, host names, variables of other modules) is nginx's own to say.

mod directives;
mod snippet;
mod syntax;

pub use directives::{DIRECTIVES, Known, Place, known};
pub use snippet::{Contract, check};
pub use syntax::{Directive, Fault, parse};
