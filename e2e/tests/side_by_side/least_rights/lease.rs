//! Which operator works: without a right to the Lease none does.

use std::sync::Arc;

use anyhow::{Context, Result};
use e2e::{Account, Case, RELEASE, Reach, Rights, counted, forbidden, parse_metrics, sum, wait};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use operator::process::{
    leader::{Elector, Timing, identity},
    metrics::Metrics,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::refused::{Refused, refused, without};

pub fn rights() -> [String; 3] {
    ["create", "get", "update"].map(|verb| format!("{verb} leases"))
}

pub async fn check(case: &Case, rights: &Rights) -> Result<()> {
    let whole = case.account("elected", Reach::Namespace, rights).await?;
    // The first finds no Lease, the others one that nobody holds.
    never_leads(case, rights, "create leases").await?;
    let leader = Candidate::start(case, &whole).await?;
    wait::until("the one that may do all to lead", wait::SHORT, async || Ok(leader.leads().then_some(())))
        .await?;
    assert_eq!(leader.stop().await?, Refused::new(), "refused with all the chart's rights");
    for right in ["get leases", "update leases"] {
        never_leads(case, rights, right).await?;
    }
    Ok(())
}

async fn never_leads(case: &Case, rights: &Rights, removed: &str) -> Result<()> {
    let name = removed.replace(' ', "-");
    let account = case.account(&name, Reach::Namespace, &without(rights, &[removed.to_owned()])).await?;
    let candidate = Candidate::start(case, &account).await?;
    refused(|| forbidden(&candidate.metrics), &Refused::new(), [removed.to_owned()]).await?;
    assert!(!candidate.leads(), "leads without {removed}");
    candidate.stop().await.map(drop)
}

/// Tries to lead.
struct Candidate {
    metrics: Arc<Metrics>,
    resign: CancellationToken,
    task: JoinHandle<()>,
}

impl Candidate {
    async fn start(case: &Case, account: &Account<'_>) -> Result<Self> {
        let metrics = Arc::new(Metrics::new()?);
        let client = counted(account.config().await?, &metrics)?;
        let elector = Elector {
            api: Api::<Lease>::namespaced(client, &case.namespace),
            name: RELEASE.into(),
            identity: identity(None),
            timing: Timing::default(),
        };
        let resign = CancellationToken::new();
        let (leadership, task) = elector.spawn(resign.clone());
        let told = metrics.clone();
        tokio::spawn(leadership.follow(move |leads| told.leads(leads)));
        Ok(Self { metrics, resign, task })
    }

    fn leads(&self) -> bool {
        sum(&parse_metrics(&self.metrics.text()), "microservice_operator_leader") == Some(1.0)
    }

    /// Lets the Lease go, and says what was refused.
    async fn stop(self) -> Result<Refused> {
        self.resign.cancel();
        self.task.await.context("the elector panicked")?;
        Ok(forbidden(&self.metrics))
    }
}
