//! Stands before the handlers.

use std::{sync::Arc, time::Duration};

use chassis_http::answer::ServiceError;
use http::{HeaderMap, header, request::Parts};
use jsonwebtoken::decode_header;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::{
    claims::Claims,
    keys::Keys,
    refresh::State,
    refusal::{Reason, Refusal, Refusals},
};
use crate::config::{self, Words};

/// How long a token with an unknown key waits for the next fetch.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lets requests with a good token through.
pub(crate) struct Guard {
    state: watch::Receiver<State>,
    wanted: Arc<Notify>,
    pause: Duration,
    scopes: Words,
    refusals: Refusals,
}

impl Guard {
    pub(super) fn new(
        config: &config::Auth,
        state: watch::Receiver<State>,
        wanted: Arc<Notify>,
        refusals: Refusals,
    ) -> Self {
        Self { state, wanted, pause: config.pause.0, scopes: config.scopes.clone(), refusals }
    }

    /// Puts the [`Claims`] of a good token into `head`.
    pub(crate) async fn check(&self, head: &mut Parts) -> Result<(), ServiceError> {
        match self.claims(&head.headers).await {
            Ok(claims) => {
                head.extensions.insert(claims);
                Ok(())
            }
            Err(refusal) => {
                self.refusals.count(&refusal);
                tracing::debug!("refused: {refusal}");
                Err(refusal.into())
            }
        }
    }

    async fn claims(&self, headers: &HeaderMap) -> Result<Claims, Refusal> {
        let token = bearer(headers)?;
        let keys = self.state.borrow().keys.clone().ok_or(Reason::NoKeys)?;
        let header = decode_header(token)?;
        // Names what a recipient must understand, and we know none of it (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(Reason::NotUnderstood.into());
        }
        let claims = match keys.check(token, &header) {
            Err(refusal) if refusal.reason == Reason::UnknownKey => {
                self.newer(&keys).await.ok_or(refusal)?.check(token, &header)?
            }
            outcome => outcome?,
        };
        match self.scopes.iter().find(|scope| !claims.has_scope(scope)) {
            Some(missing) => Err(Refusal::scope(missing)),
            None => Ok(claims),
        }
    }

    /// Keys that came after `known`, or come with a fetch that may begin now.
    async fn newer(&self, known: &Arc<Keys>) -> Option<Arc<Keys>> {
        let mut changes = self.state.clone();
        let State { keys, fetched } = changes.borrow_and_update().clone();
        if keys.as_ref().is_some_and(|keys| !Arc::ptr_eq(keys, known)) {
            return keys;
        }
        if fetched.is_some_and(|fetched| fetched.elapsed() < self.pause) {
            return None;
        }
        self.wanted.notify_one();
        timeout(PATIENCE, changes.changed()).await.ok()?.ok()?;
        changes.borrow().keys.clone()
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Guard").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// The token of `Authorization: Bearer TOKEN`; another scheme is as good as none.
fn bearer(headers: &HeaderMap) -> Result<&str, Reason> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Reason::Missing)?;
    if values.next().is_some() {
        return Err(Reason::Several);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Reason::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Reason::Missing) }
}
