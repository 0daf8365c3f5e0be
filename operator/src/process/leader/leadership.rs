use std::{future::Future, pin::pin};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// What this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The lease could not be read yet.
    Unknown,
    /// Somebody else works, or nobody does; others may from this moment on.
    Standby(Instant),
    /// It works.
    Leading(Term),
}

/// By our own clock, which only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// We lead until then, whatever anybody says or fails to say.
    pub until: Instant,
    /// Nobody else leads before.
    pub expires: Instant,
}

/// Whether this process leads; each clone follows it by itself.
#[derive(Clone, Debug)]
pub struct Leadership(Option<watch::Receiver<Role>>);

impl Leadership {
    /// Without election: it always leads.
    pub fn alone() -> Self {
        Self(None)
    }

    /// As an elector says.
    pub fn elected(role: watch::Receiver<Role>) -> Self {
        Self(Some(role))
    }

    /// Does it lead now? Not past the term's end, even if the elector did not get to say so.
    pub fn is_leading(&self) -> bool {
        self.0.as_ref().is_none_or(|role| leads(*role.borrow()))
    }

    /// Waits until it is known who leads.
    pub async fn known(&mut self) {
        self.wait(|role| role != Role::Unknown).await;
    }

    /// Waits until it leads.
    pub async fn gained(&mut self) {
        self.wait(leads).await;
    }

    /// Waits until it does not lead, and says from when on somebody else may.
    pub async fn lost(&mut self) -> Instant {
        let Some(receiver) = &mut self.0 else { return std::future::pending().await };
        loop {
            let term = match *receiver.borrow_and_update() {
                Role::Leading(term) if Instant::now() < term.until => term,
                Role::Leading(term) => return term.expires,
                Role::Standby(since) => return since,
                Role::Unknown => return Instant::now(),
            };
            let changed = tokio::select! {
                () = sleep_until(term.until) => Ok(()),
                changed = receiver.changed() => changed,
            };
            if changed.is_err() {
                // The elector is gone: nobody renews the term.
                sleep_until(term.until).await;
            }
        }
    }

    /// Tells of every gain and loss; never ends.
    pub async fn follow(mut self, mut tell: impl FnMut(bool)) {
        loop {
            tell(false);
            self.gained().await;
            tell(true);
            self.lost().await;
        }
    }

    async fn wait(&mut self, good: fn(Role) -> bool) {
        if let Some(receiver) = &mut self.0
            && receiver.wait_for(|role| good(*role)).await.is_err()
        {
            // The elector is gone, and with it every chance.
            std::future::pending::<()>().await;
        }
    }
}

fn leads(role: Role) -> bool {
    matches!(role, Role::Leading(term) if Instant::now() < term.until)
}

/// Work went on when somebody else could already lead. Only the end of the process stops it now.
#[derive(Debug, thiserror::Error)]
#[error("reconciles still ran when the lease expired, after leadership was lost")]
pub struct Overrun;

/// Does `work` while it leads, again in each term. `work` has to end when its token is cancelled:
/// at the latest when somebody else may lead, else there is an error, and the process must end.
/// Ends after `stop`, when the work that ran then is done.
pub async fn lead<F>(
    mut leadership: Leadership,
    stop: CancellationToken,
    mut work: impl FnMut(CancellationToken) -> F,
) -> Result<(), Overrun>
where
    F: Future<Output = ()>,
{
    while !stop.is_cancelled() {
        tokio::select! {
            () = leadership.gained() => {}
            () = stop.cancelled() => return Ok(()),
        }
        let over = stop.child_token();
        let mut work = pin!(work(over.clone()));
        tokio::select! {
            () = &mut work => {}
            expires = leadership.lost() => {
                over.cancel();
                timeout_at(expires, work).await.map_err(|_| Overrun)?;
            }
        }
    }
    Ok(())
}
