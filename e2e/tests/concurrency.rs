//! `spec.concurrency` is the number of requests in flight in every replica, and changes live.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use e2e::{Case, Load, parse_metrics, sum, wait};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

/// Generous, for machines with other work; the time that was needed is printed.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_change_reaches_every_pod_without_a_restart() -> Result<()> {
    e2e::run("concurrency", async |case| {
        case.apply_ready("c", json!({ "concurrency": 4, "replicas": 2 })).await?;
        let before = case.pods("c").await?;
        assert_eq!(before.len(), 2);
        for concurrency in [8, 2] {
            let began = Instant::now();
            case.apply("c", json!({ "concurrency": concurrency, "replicas": 2 })).await?;
            try_join_all(before.iter().map(|pod| workers(case, pod, concurrency))).await?;
            println!("{concurrency} workers in every pod after {:?}", began.elapsed());
            let ready = case.ready("c").await?;
            let capacity = ready.status.context("no status")?.capacity;
            assert_eq!((capacity.workers_per_replica, capacity.total), (concurrency, 2 * concurrency));
            assert_eq!(identities(&case.pods("c").await?), identities(&before), "no pod may be restarted");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_image_that_reads_the_number_once_gets_new_pods() -> Result<()> {
    e2e::run("concurrency-restart", async |case| {
        let spec = |concurrency: i32| json!({ "concurrency": concurrency, "concurrencyChange": "Restart" });
        case.apply_ready("c", spec(4)).await?;
        let before = case.pods("c").await?;
        case.apply_ready("c", spec(8)).await?;
        let after = case.pods("c").await?;
        assert!(after.iter().all(|pod| !before.iter().any(|old| old.uid() == pod.uid())), "new pods");
        try_join_all(after.iter().map(|pod| workers(case, pod, 8))).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn load_never_exceeds_the_workers() -> Result<()> {
    e2e::run("in-flight", async |case| {
        // Each request takes 100 ms of a worker; 64 at a time fill the workers and fit into the queues.
        let spec = |concurrency: u32| json!({ "concurrency": concurrency, "replicas": 2, "config": { "message": { "delay": "100ms" } } });
        case.apply_ready("c", spec(4)).await?;
        let pods = case.pods("c").await?;
        let load = Load { url: "http://c/microservice", connections: 64, requests: 3000, data: "{}", keepalive: true, rate: None };
        let load = case.start_load(load).await?;

        try_join_all(pods.iter().map(|pod| in_flight_reaches(case, pod, 4))).await?;
        case.apply("c", spec(8)).await?;
        try_join_all(pods.iter().map(|pod| in_flight_reaches(case, pod, 8))).await?;

        let (report, highest) = tokio::join!(load.report(), highest_in_flight(case, &pods, Duration::from_secs(5)));
        let (report, highest) = (report?, highest?);
        println!("{report:?}; at most {highest} in flight");
        assert_eq!(highest, 8, "requests in flight in one replica");
        assert_eq!(report.sent, 3000);
        assert!(report.errors.is_empty(), "lost requests: {report:?}");
        assert_eq!(report.with_status(200) + report.with_status(503), 3000, "{report:?}");
        // What two times eight workers can do in that time, each request being a tenth of a second.
        let possible = 16 * (report.elapsed_ms / 100 + 1);
        assert!(report.with_status(200) <= possible, "more than {possible} answers: {report:?}");
        let after = case.pods("c").await?;
        assert_eq!(identities(&after), identities(&pods), "no pod may be restarted");
        Ok(())
    })
    .await
}

/// Uid and restarts of every pod.
fn identities(pods: &[Pod]) -> BTreeMap<String, i32> {
    let restarts = |pod: &Pod| {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        statuses.map_or(0, |statuses| statuses.iter().map(|status| status.restart_count).sum())
    };
    pods.iter().map(|pod| (pod.uid().unwrap_or_default(), restarts(pod))).collect()
}

/// Waits until a pod says that it has this many workers.
async fn workers(case: &Case, pod: &Pod, wanted: i32) -> Result<()> {
    let name = pod.name_any();
    wait::until(&format!("{wanted} workers in {name}"), LIMIT, async || {
        let answer: Value = serde_json::from_str(&case.admin(&name, "/workers").await?)?;
        Ok((answer["workers"] == wanted).then_some(()))
    })
    .await
}

async fn in_flight(case: &Case, pod: &Pod) -> Result<f64> {
    let samples = parse_metrics(&case.admin(&pod.name_any(), "/metrics").await?);
    sum(&samples, "chassis_requests_in_flight").context("no chassis_requests_in_flight")
}

/// Waits until a pod has this many requests in flight; more than 8 are never allowed.
async fn in_flight_reaches(case: &Case, pod: &Pod, wanted: u32) -> Result<()> {
    wait::until(&format!("{wanted} requests in flight in {}", pod.name_any()), LIMIT, async || {
        let now = in_flight(case, pod).await?;
        assert!(now <= 8.0, "{now} requests in flight");
        Ok((now >= f64::from(wanted)).then_some(()))
    })
    .await
}

/// The most requests that any pod had in flight, of many looks.
async fn highest_in_flight(case: &Case, pods: &[Pod], time: Duration) -> Result<u32> {
    let began = Instant::now();
    let mut highest = 0.0_f64;
    while began.elapsed() < time {
        let now = try_join_all(pods.iter().map(|pod| in_flight(case, pod))).await?;
        highest = now.into_iter().fold(highest, f64::max);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A count.
    Ok(highest as u32)
}
