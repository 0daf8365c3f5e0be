//! Who the proxy takes us for.

use std::sync::{Mutex, PoisonError};

use chassis_wire::TlsError;

/// The identity in use, and how often it was.
pub(super) struct Identities<T> {
    current: Mutex<Current<T>>,
    /// Requests for one identity.
    most: u32,
    make: Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>,
}

struct Current<T> {
    identity: T,
    number: u64,
    used: u32,
}

/// Leave to send one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lease<T> {
    pub identity: T,
    /// Counted from the first identity.
    number: u64,
}

impl<T: Clone> Identities<T> {
    pub(super) fn new(
        most: u32,
        make: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let current = Current { identity: make()?, number: 0, used: 0 };
        Ok(Self { current: Mutex::new(current), most, make: Box::new(make) })
    }

    /// For the next request: with a new identity when the current one was used `most` times (contract 2.5.25).
    pub(super) fn lease(&self) -> Result<Lease<T>, TlsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.used >= self.most {
            self.change(&mut current)?;
        }
        current.used += 1;
        Ok(Lease { identity: current.identity.clone(), number: current.number })
    }

    /// Gives up the identity of `lease`, unless that has happened already.
    pub(super) fn renew(&self, lease: &Lease<T>) -> Result<(), TlsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.number == lease.number { self.change(&mut current) } else { Ok(()) }
    }

    fn change(&self, current: &mut Current<T>) -> Result<(), TlsError> {
        *current = Current { identity: (self.make)()?, number: current.number + 1, used: 0 };
        tracing::debug!("requests through the proxy have a new identity");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::atomic::AtomicU32, thread};

    use super::*;

    fn identities(most: u32) -> Identities<u32> {
        let made = AtomicU32::new(0);
        Identities::new(most, move || Ok(made.fetch_add(1, std::sync::atomic::Ordering::SeqCst))).unwrap()
    }

    #[test]
    fn contract_2_5_25_each_identity_is_for_exactly_25_requests_however_many_ask_at_once() {
        let identities = identities(25);
        let mut uses = BTreeMap::<u32, u32>::new();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| (0..125).map(|_| identities.lease().unwrap().identity).collect::<Vec<_>>())
                })
                .collect();
            for identity in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
                *uses.entry(identity).or_default() += 1;
            }
        });
        assert_eq!(uses, (0..40).map(|identity| (identity, 25)).collect());
    }

    #[test]
    fn one_identity_is_given_up_once() {
        let identities = identities(25);
        let (first, second) = (identities.lease().unwrap(), identities.lease().unwrap());
        identities.renew(&first).unwrap();
        identities.renew(&second).unwrap();
        assert_eq!(identities.lease().unwrap().identity, 1);
    }
}
