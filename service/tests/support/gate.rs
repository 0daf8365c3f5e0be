//! A handler that tells what it sees from the inside and finishes when the test says so.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use axum::routing::{MethodRouter, post};
use tokio::sync::Semaphore;

pub struct Gate {
    inside: AtomicUsize,
    most: AtomicUsize,
    /// Bodies in the order in which their handlers began.
    begun: Mutex<Vec<String>>,
    may_leave: Semaphore,
}

impl Gate {
    pub fn closed() -> Arc<Self> {
        let (inside, most, begun) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { inside, most, begun, may_leave: Semaphore::new(0) })
    }

    /// A `POST` route that goes through this gate and answers with its body.
    pub fn route(self: &Arc<Self>) -> MethodRouter {
        let gate = Arc::clone(self);
        post(async move |body: String| {
            gate.begun.lock().unwrap().push(body.clone());
            let inside = gate.enter();
            gate.may_leave.acquire().await.unwrap().forget();
            drop(inside);
            body
        })
    }

    /// Counts a handler as inside until the guard is dropped, by its end or by its cancellation.
    pub fn enter(self: &Arc<Self>) -> Inside {
        let inside = self.inside.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(inside, SeqCst);
        Inside(Arc::clone(self))
    }

    pub fn let_out(&self, count: usize) {
        self.may_leave.add_permits(count);
    }

    pub fn inside(&self) -> usize {
        self.inside.load(SeqCst)
    }

    /// The most handlers that were ever inside at once; forgets it.
    pub fn take_most(&self) -> usize {
        self.most.swap(0, SeqCst)
    }

    pub fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }
}

pub struct Inside(Arc<Gate>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
    }
}
