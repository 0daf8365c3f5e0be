//! What has to be listed before there is any work, and what holds up only those that need it.

use anyhow::{Context, Result};
use e2e::{Account, Case, OwnOperator, Reach, Rights, wait};
use futures::future::try_join_all;
use kube::api::ListParams;
use operator_core::{api::Microservice, model::Kind};
use serde_json::json;

use super::{
    kinds,
    refused::{Refused, refused, without},
    watched,
};

pub async fn check(case: &Case, rights: &Rights) -> Result<()> {
    let needed = kinds::ALL.iter().copied().filter(|kind| !kind.is_optional()).collect::<Vec<_>>();
    let mut needed = kinds::of("list", &needed);
    needed.extend(["list pods".into(), "list microservices".into()]);
    let idle = try_join_all(needed.into_iter().map(|right| Idle::start(case, rights, right))).await?;
    optional(case, rights).await.context("without a list of optional kinds")?;
    // Others got ready and did work meanwhile.
    for Idle { removed, operator, .. } in idle {
        let forbidden = operator.forbidden().into_keys().collect::<Vec<_>>();
        assert_eq!(forbidden, std::slice::from_ref(&removed));
        assert!(!operator.readiness.missing().is_empty(), "ready without {removed}");
        operator.stop().await?;
    }
    Ok(())
}

/// An operator that never gets ready, and so writes nothing.
struct Idle {
    removed: String,
    operator: OwnOperator,
}

impl Idle {
    async fn start(case: &Case, rights: &Rights, removed: String) -> Result<Self> {
        let (_, operator) = start(case, rights, std::slice::from_ref(&removed)).await?;
        refused(|| operator.forbidden(), &Refused::new(), [removed.clone()]).await?;
        Ok(Self { removed, operator })
    }
}

/// What is deleted of these kinds is not missed; a Microservice that names a Secret waits. The others are
/// worked on.
async fn optional(case: &Case, rights: &Rights) -> Result<()> {
    let optional: Vec<_> = kinds::ALL.iter().copied().filter(|kind| kind.is_optional()).collect();
    let mut removed = kinds::of("list", &optional);
    removed.push("list secrets".into());
    let (account, operator) = start(case, rights, &removed).await?;
    refused(|| operator.forbidden(), &Refused::new(), removed).await?;
    let all = case.api::<Microservice>().list(&ListParams::default()).await?.items.len();
    // All but the one that waits.
    watched::worked_on(&operator, all - 1, 0.0).await?;

    kinds::delete(case, &optional).await?;
    let mut changed = watched::reader();
    changed["concurrency"] = json!(7);
    let changed = case.apply(watched::READER, changed).await?.metadata.generation;
    kinds::delete(case, &[Kind::Service]).await?;
    kinds::wait_for(case, &[Kind::Service], kinds::count_with).await?;
    for kind in &optional {
        assert!(kinds::objects(case, *kind).await?.is_empty(), "{} came back", kinds::name(*kind));
    }
    let observed = |found: &Microservice| found.status.as_ref().map(|status| status.observed_generation);
    let reader = case.api::<Microservice>().get(watched::READER).await?;
    assert!(observed(&reader) < changed, "it did not wait for the Secrets");

    account.may(rights).await?;
    wait::found(&case.api(), watched::READER, "to be worked on", wait::LONG, |found| {
        observed(found) == changed
    })
    .await?;
    operator.stop().await
}

async fn start<'a>(
    case: &'a Case,
    rights: &Rights,
    removed: &[String],
) -> Result<(Account<'a>, OwnOperator)> {
    let name = removed[0].replace([' ', '/'], "-");
    let account = case.account(&name, Reach::Namespace, &without(rights, removed)).await?;
    let operator = case.start_operator_as(account.config().await?, case.operator_settings()?)?;
    Ok((account, operator))
}
