//! Which of several operators works: the one that holds a Lease, by client-go's rules.
//!
//! [`Elector`] takes, renews and releases the Lease; [`Leadership`] is what it tells the rest of the
//! process; [`lead`] works only meanwhile; [`Fence`] lets no write out otherwise.

mod elector;
mod fence;
mod leadership;

use std::time::Duration;

pub use elector::Elector;
pub use fence::{Fence, NotLeading};
pub use leadership::{Leadership, Overrun, Role, Term, lead};

/// How long things take. `lease > renew_deadline > retry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long after the last sign of its holder others leave the lease alone.
    pub lease: Duration,
    /// How long after its last renewal the holder leads. The difference to `lease` is for what it had
    /// already begun.
    pub renew_deadline: Duration,
    /// Longest time between two looks at the lease.
    pub retry: Duration,
}

impl Default for Timing {
    /// client-go's: 15 s, 10 s, 2 s.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// A name that no other process has: the pod's, which says where to look, and chance, as a container
/// that is started again keeps the pod's name but does not know whether its predecessor is gone. The
/// `_` is in no pod's name, so the pod's can be cut out again.
pub fn identity(host: Option<&str>) -> String {
    let host = host.filter(|host| !host.is_empty()).unwrap_or("microservice-operator");
    format!("{host}_{:016x}", fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::{Timing, identity};

    #[test]
    fn an_identity_names_the_pod_and_is_never_given_twice() {
        let first = identity(Some("operator-1"));
        assert_eq!(first.split_once('_').unwrap().0, "operator-1");
        assert_ne!(first, identity(Some("operator-1")));
        assert!(identity(None).starts_with("microservice-operator_"));
    }

    #[test]
    fn the_defaults_leave_time_between_stepping_down_and_being_succeeded() {
        let Timing { lease, renew_deadline, retry } = Timing::default();
        assert!(lease > renew_deadline && renew_deadline > retry);
    }
}
