//! Tables and their versions.

use super::{Column, operation::Operation};

/// A table: its first columns, which are version 0, and the steps that have changed it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub(super) name: &'static str,
    steps: Vec<Step>,
}

impl Table {
    /// A table that is created with `columns` if it is not there.
    pub fn new(name: &'static str, columns: impl Into<Vec<Column>>) -> Self {
        let create = Step { operations: vec![Operation::CreateTable(columns.into())], ..Step::new(0) };
        Self { name, steps: vec![create] }
    }

    /// Adds a step. Of two with the same version only the first counts.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Its steps in the order of their numbers, 2 before 10, each once.
    pub(super) fn steps(&self) -> Vec<&Step> {
        let mut steps: Vec<_> = self.steps.iter().collect();
        // Stable: the first of two equal ones stays the first.
        steps.sort_by_key(|step| step.version);
        steps.dedup_by_key(|step| step.version);
        steps
    }
}

/// A step from one version of a table to a later one. It is taken once: a table `migrate_record` tells which were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub(super) version: u32,
    pub(super) author: Option<&'static str>,
    pub(super) operations: Vec<Operation>,
}

impl Step {
    /// A step to `version`, from 1 up, that does nothing yet.
    pub const fn new(version: u32) -> Self {
        Self { version, author: None, operations: Vec::new() }
    }

    /// Who has written it, for the record.
    #[must_use]
    pub fn author(self, author: &'static str) -> Self {
        Self { author: Some(author), ..self }
    }

    /// Adds a column.
    #[must_use]
    pub fn add_column(self, column: Column) -> Self {
        self.with(Operation::AddColumn(column))
    }

    /// Renames a column.
    #[must_use]
    pub fn rename_column(self, from: &'static str, to: &'static str) -> Self {
        self.with(Operation::RenameColumn { from, to })
    }

    /// Drops a column with all that is in it.
    #[must_use]
    pub fn drop_column(self, name: &'static str) -> Self {
        self.with(Operation::DropColumn(name))
    }

    /// From now on a column may not be empty; an error where it is.
    #[must_use]
    pub fn add_not_null(self, name: &'static str) -> Self {
        self.with(Operation::AddNotNull(name))
    }

    /// From now on a column may be empty.
    #[must_use]
    pub fn drop_not_null(self, name: &'static str) -> Self {
        self.with(Operation::DropNotNull(name))
    }

    /// Renames the table. Its steps are recorded under its first name for ever.
    #[must_use]
    pub fn rename_table(self, to: &'static str) -> Self {
        self.with(Operation::RenameTable(to))
    }

    /// Adds an index.
    #[must_use]
    pub fn add_index(self, columns: &'static [&'static str]) -> Self {
        self.with(Operation::AddIndex { columns, unique: false })
    }

    /// Adds an index of which no two rows may have the same.
    #[must_use]
    pub fn add_unique_index(self, columns: &'static [&'static str]) -> Self {
        self.with(Operation::AddIndex { columns, unique: true })
    }

    /// Drops the index of these columns.
    #[must_use]
    pub fn drop_index(self, columns: &'static [&'static str]) -> Self {
        self.with(Operation::DropIndex(columns))
    }

    /// Runs a statement that each kind of server has in its own way; `what` says in a word what it does.
    #[must_use]
    pub fn run(self, what: &'static str, postgres: &'static str, sqlite: &'static str) -> Self {
        self.with(Operation::Run { what, postgres, sqlite })
    }

    fn with(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_5_4_21_steps_are_taken_in_the_order_of_their_numbers_and_versions_are_unique() {
        let second = Step::new(2).author("a");
        let table = Table::new("t", [Column::serial("id")])
            .step(Step::new(10))
            .step(second.clone())
            .step(Step::new(1))
            .step(Step::new(2).author("b"));
        let steps = table.steps();
        assert_eq!(steps.iter().map(|step| step.version).collect::<Vec<_>>(), [0, 1, 2, 10]);
        assert_eq!(steps[2], &second);
    }
}
