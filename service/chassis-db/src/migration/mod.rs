//! Tables as the program wants them, and the steps that bring a database there (contract 5.4).
//!
//! A [`Table`] is created with its first columns and changed by numbered [`Step`]s. What was done is recorded in the
//! table `migrate_record` and never done again; what is to be done is done in one transaction, in the order of the
//! numbers, by one replica while others wait.
//!
//! ```
//! use chassis_db::migration::{Column, Step, Table};
//!
//! let users = Table::new("users", [Column::serial("id"), Column::text("name", 128)])
//!     .step(Step::new(1).author("me").add_column(Column::text("sex", 32).nullable()))
//!     .step(Step::new(2).add_index(&["name"]));
//! ```

mod column;
mod history;
mod operation;
mod shape;
mod table;

pub(super) use self::history::migrate;
pub use self::{
    column::Column,
    history::{History, Record, Version},
    table::{Step, Table},
};
