//! What is known of a database without asking it.

use std::sync::{Mutex, PoisonError};

/// Kept by the monitor.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    asked: bool,
    trouble: Option<String>,
    pending: Option<String>,
    last_migration: Option<String>,
}

impl Health {
    pub(super) fn reason(&self) -> Option<String> {
        let State { asked, trouble, .. } = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *asked { trouble.clone() } else { Some("the database has not answered yet".to_owned()) }
    }

    /// The steps that the tables lack, in a sentence, as far as is known.
    pub(super) fn pending(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pending.clone()
    }

    pub(super) fn set_pending(&self, pending: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pending = pending;
    }

    pub(super) fn is_good(&self) -> bool {
        self.reason().is_none()
    }

    pub(super) fn last_migration(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last_migration.clone()
    }

    /// Whether `trouble` is news: its beginning, its end or another one.
    pub(super) fn set_trouble(&self, trouble: Option<String>) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = state.trouble != trouble;
        (state.asked, state.trouble) = (true, trouble);
        news
    }

    pub(super) fn set_last_migration(&self, last: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last_migration = last;
    }
}
