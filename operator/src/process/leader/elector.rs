use std::{error::Error as StdError, time::Duration};

use k8s_openapi::{
    api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime, jiff::Timestamp,
};
use kube::{Api, api::PostParams};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Leadership, Role, Term, Timing};

/// Takes, renews and releases the lease. Every write is guarded by the resourceVersion that was just
/// read, so of several that try one succeeds. The times in the lease are for people: clocks differ.
/// How long a holder has been silent is judged by our own clock, from when we saw the lease change.
pub struct Elector {
    /// Where the lease is; of a client without retries of its own.
    pub api: Api<Lease>,
    /// Of the lease.
    pub name: String,
    /// Of this process, and of no other ever.
    pub identity: String,
    /// How long things take.
    pub timing: Timing,
}

/// What came of one look at the lease.
enum Attempt {
    /// It is ours from when we looked.
    Ours,
    /// It is somebody else's.
    Theirs(String),
    /// Somebody wrote at the same time.
    Raced,
}

/// The last change of the lease that we saw.
#[derive(Default)]
struct Seen {
    version: Option<String>,
    at: Option<Instant>,
    /// How long after it the lease is still its holder's.
    lasts: Duration,
}

impl Seen {
    fn expires(&self) -> Option<Instant> {
        self.at.map(|at| at + self.lasts)
    }

    fn is_fresh(&self) -> bool {
        self.expires().is_some_and(|expires| Instant::now() < expires)
    }

    fn change(&mut self, version: Option<String>, lasts: Duration) {
        if self.at.is_none() || self.version != version {
            *self = Self { version, at: Some(Instant::now()), lasts };
        }
    }
}

impl Elector {
    /// Runs until `resign`, then releases the lease. Call that only when nothing works any more.
    pub fn spawn(self, resign: CancellationToken) -> (Leadership, JoinHandle<()>) {
        let (send, role) = watch::channel(Role::Unknown);
        (Leadership::elected(role), tokio::spawn(self.run(send, resign)))
    }

    async fn run(self, role: watch::Sender<Role>, resign: CancellationToken) {
        let Timing { lease, renew_deadline, .. } = self.timing;
        let (mut seen, mut term, mut holder) = (Seen::default(), None::<Term>, String::new());
        while !resign.is_cancelled() {
            // A term that runs out ends here, and not with the next answer.
            if let Some(over) = term.take_if(|term| Instant::now() >= term.until) {
                tracing::error!(
                    "the lease could not be renewed within {renew_deadline:?}, not leading any more"
                );
                stand_by(&role, over.expires);
            }
            let began = Instant::now();
            // Half of it, so that one connection that hangs is not the end of the term.
            let limit = (renew_deadline / 2).min(term.map_or(lease, |term| term.until - began));
            match timeout(limit, self.attempt(&mut seen, term.is_some())).await {
                Ok(Ok(Attempt::Ours)) => {
                    // Counted from before the request: others count from after it.
                    let renewed = Term { until: began + renew_deadline, expires: began + lease };
                    if term.replace(renewed).is_none() {
                        tracing::info!(identity = self.identity, lease = self.name, "leading");
                        holder.clear();
                    }
                    role.send_replace(Role::Leading(renewed));
                }
                Ok(Ok(Attempt::Theirs(other))) => {
                    if term.take().is_some() {
                        tracing::error!(holder = other, "somebody else took the lease, not leading any more");
                    } else if holder != other {
                        tracing::info!(holder = other, "standing by");
                    }
                    holder = other;
                    stand_by(&role, Instant::now());
                }
                Ok(Ok(Attempt::Raced)) => {
                    tracing::info!("somebody else wrote the lease at the same time");
                    if term.is_none() {
                        stand_by(&role, Instant::now());
                    }
                }
                Ok(Err(error)) => tracing::warn!(
                    error = &error as &dyn StdError,
                    lease = self.name,
                    "the lease could not be read or written, trying again"
                ),
                Err(_) => tracing::warn!(?limit, "the API server did not answer about the lease in time"),
            }
            tokio::select! {
                () = sleep_until(self.next_look(began, term, &seen)) => {}
                () = resign.cancelled() => {}
            }
        }
        stand_by(&role, Instant::now());
        match timeout(self.timing.retry, self.release()).await {
            Ok(Ok(true)) => tracing::info!(lease = self.name, "the lease is released"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn StdError, "the lease could not be released");
            }
            Err(_) => tracing::warn!("the lease could not be released in time"),
        }
    }

    /// A bit before `retry`, so that the requests fit into it, and not always at the same moment as
    /// others; at once when something runs out: our term or the holder's lease.
    fn next_look(&self, began: Instant, term: Option<Term>, seen: &Seen) -> Instant {
        let now = Instant::now();
        let regular = began + self.timing.retry.mul_f64(0.8 + 0.1 * fastrand::f64());
        let end = term.map(|term| term.until).or_else(|| seen.expires()).filter(|end| *end > now);
        // After an attempt that took long a pause is left, or an API server that is slow had no rest.
        end.map_or(regular, |end| end.min(regular)).max(now + self.timing.retry / 20)
    }

    async fn attempt(&self, seen: &mut Seen, leading: bool) -> kube::Result<Attempt> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            // Somebody deleted it while its holder works, who makes it again.
            if !leading && seen.at.is_some() {
                seen.change(None, self.timing.lease);
                if seen.is_fresh() {
                    return Ok(Attempt::Theirs("unknown, the lease was deleted".into()));
                }
            }
            let mut lease = Lease::default();
            lease.metadata.name = Some(self.name.clone());
            self.take(&mut lease);
            return outcome(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.get_or_insert_default();
        let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        let other =
            spec.holder_identity.clone().filter(|holder| !holder.is_empty() && *holder != self.identity);
        seen.change(
            lease.metadata.resource_version.clone(),
            if other.is_some() { Duration::from_secs(seconds) } else { Duration::ZERO },
        );
        if let Some(holder) = other
            && seen.is_fresh()
        {
            return Ok(Attempt::Theirs(holder));
        }
        self.take(&mut lease);
        outcome(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    fn take(&self, lease: &mut Lease) {
        let now = MicroTime(Timestamp::now());
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |count| count.saturating_add(1)));
            spec.acquire_time = Some(now.clone());
            spec.holder_identity = Some(self.identity.clone());
        }
        spec.renew_time = Some(now);
        // A part of a second counts as a whole one for others: they must not come too early.
        let seconds = self.timing.lease.as_millis().div_ceil(1000);
        spec.lease_duration_seconds = Some(i32::try_from(seconds).unwrap_or(i32::MAX));
    }

    /// Says whether it was ours to release.
    async fn release(&self) -> kube::Result<bool> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(false) };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(false);
        }
        spec.holder_identity = None;
        spec.lease_duration_seconds = Some(1);
        self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        Ok(true)
    }
}

fn stand_by(role: &watch::Sender<Role>, since: Instant) {
    role.send_if_modified(|role| {
        let standing_by = matches!(role, Role::Standby(_));
        if !standing_by {
            *role = Role::Standby(since);
        }
        !standing_by
    });
}

fn outcome(result: kube::Result<Lease>) -> kube::Result<Attempt> {
    match result {
        Ok(_) => Ok(Attempt::Ours),
        // 409 is also "there is one already".
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Attempt::Raced),
        Err(error) => Err(error),
    }
}
