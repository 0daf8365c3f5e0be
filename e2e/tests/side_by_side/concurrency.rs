//! `spec.concurrency` is the number of requests in flight in every replica, and changes live.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use e2e::{Case, Load, is_ready_at, parse_metrics, sum, wait};
use futures::future::{try_join, try_join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use operator_core::api::Microservice;
use serde_json::{Value, json};

/// Generous, for machines with other work; the time that was needed is printed.
const LIMIT: Duration = Duration::from_secs(30);

/// From the last pod's taking a number until the status says so.
const TOLD: Duration = Duration::from_secs(10);

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_change_under_load_restarts_no_pod_and_loses_no_request() -> Result<()> {
    e2e::run("concurrency", async |case| {
        let spec = |concurrency: i32| {
            json!({ "concurrency": concurrency, "replicas": 2, "config": { "message": { "delay": "50ms" } } })
        };
        case.apply_ready("c", spec(1)).await?;
        let pods = case.pods("c").await?;
        assert_eq!(pods.len(), 2);
        // Fewer than one of the pods takes, so that none is refused wherever they go: 1 that is worked
        // on and 10 that wait; later 2 and 20.
        let few = Load { connections: 8, rate: Some(20), ..endless() };
        let few = case.start_load(&[few]).await?;
        few.running().await?;

        change(case, &pods, spec(64), 64).await?;
        let many = case.start_load(&[Load { connections: 14, ..endless() }]).await?;
        // Or shrinking would have nobody to wait for.
        wait::until("more requests in flight than 2 workers", LIMIT, async || {
            let now = try_join_all(pods.iter().map(|pod| in_flight(case, pod))).await?;
            Ok(now.into_iter().any(|now| now > 2.0).then_some(()))
        })
        .await?;
        change(case, &pods, spec(2), 2).await?;
        let highest = highest_in_flight(case, &pods, Duration::from_secs(3)).await?;
        assert_eq!(highest, 2, "requests in flight in one replica");

        for (name, load) in [("few", few), ("many", many)] {
            load.stop().await?;
            let report = load.report().await?;
            println!("{name}: {report:?}");
            assert!(report.sent > 50, "{name}: {report:?}");
            assert_eq!(report.failures(), 0, "{name}: {report:?}");
        }
        Ok(())
    })
    .await
}

/// Requests until they are told to end.
fn endless() -> Load {
    Load { url: "http://c/microservice".into(), requests: 0, until_told: true, ..Load::default() }
}

/// Changes the number of workers, and waits until every pod and the status have it.
async fn change(case: &Case, pods: &[Pod], spec: Value, concurrency: i32) -> Result<()> {
    let began = Instant::now();
    let generation = case.apply("c", spec).await?.metadata.generation.unwrap_or_default();
    let taken = async {
        try_join_all(pods.iter().map(|pod| workers(case, pod, concurrency))).await?;
        anyhow::Ok(Instant::now())
    };
    let api = case.api::<Microservice>();
    let told = async {
        wait::found(&api, "c", &format!("Ready with {concurrency} workers"), wait::LONG, |found| {
            let capacity = found.status.as_ref().map(|status| &status.capacity);
            is_ready_at(found, generation)
                && capacity.is_some_and(|capacity| {
                    (capacity.workers_per_replica, capacity.total) == (concurrency, 2 * concurrency)
                })
        })
        .await?;
        anyhow::Ok(Instant::now())
    };
    let (taken, told) = try_join(taken, told).await?;
    println!(
        "{concurrency} workers in every pod after {:?}, in the status after {:?}",
        taken - began,
        told - began
    );
    ensure!(told.saturating_duration_since(taken) <= TOLD, "the status was late");
    ensure!(identities(&case.pods("c").await?) == identities(pods), "a pod was restarted");
    Ok(())
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

/// peers: opensearch-k8s-operator#1225, redis-operator#1710
#[tokio::test]
#[ignore = "needs a cluster"]
async fn resources_follow_the_workers_without_a_restart() -> Result<()> {
    e2e::run("concurrency-resources", async |case| {
        let spec = |concurrency: i32, replicas: i32| json!({
            "concurrency": concurrency,
            "replicas": replicas,
            "resourcesPerWorker": { "requests": { "cpu": "10m", "memory": "4Mi" }, "limits": { "memory": "16Mi" } },
        });
        case.apply_ready("c", spec(4, 1)).await?;
        let before = case.pods("c").await?;
        has_resources(case, &before[0], json!({ "requests": { "cpu": "90m", "memory": "48Mi" }, "limits": { "memory": "96Mi" } })).await?;
        for (concurrency, resources) in [
            (16, json!({ "requests": { "cpu": "210m", "memory": "96Mi" }, "limits": { "memory": "288Mi" } })),
            (2, json!({ "requests": { "cpu": "70m", "memory": "40Mi" }, "limits": { "memory": "64Mi" } })),
        ] {
            let began = Instant::now();
            case.apply_ready("c", spec(concurrency, 1)).await?;
            println!("ready with {concurrency} workers after {:?}", began.elapsed());
            has_resources(case, &before[0], resources).await?;
            workers(case, &before[0], concurrency).await?;
            assert_eq!(identities(&case.pods("c").await?), identities(&before), "no pod may be restarted");
        }
        // One that comes later is made for the four workers of the first rollout.
        case.apply_ready("c", spec(2, 2)).await?;
        let after = identities(&case.pods("c").await?);
        assert_eq!(after.len(), 2);
        assert!(identities(&before).iter().all(|pod| after.get(pod.0) == Some(pod.1)) && after.values().all(|restarts| *restarts == 0), "{after:?}");
        for pod in case.pods("c").await? {
            has_resources(case, &pod, json!({ "requests": { "cpu": "70m", "memory": "40Mi" }, "limits": { "memory": "64Mi" } })).await?;
        }
        Ok(())
    })
    .await
}

/// Waits until the kubelet says that the service's container has these resources.
async fn has_resources(case: &Case, pod: &Pod, wanted: Value) -> Result<()> {
    let api = case.api::<Pod>();
    wait::found(&api, &pod.name_any(), &format!("to have {wanted}"), LIMIT, |pod| {
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let mut service = statuses.filter(|status| status.name == "service");
        service.any(|status| json!(status.resources) == wanted)
    })
    .await?;
    Ok(())
}

/// peers: knative/serving#4702, #4054, #14950
#[tokio::test]
#[ignore = "needs a cluster"]
async fn load_never_exceeds_the_workers() -> Result<()> {
    e2e::run("in-flight", async |case| {
        // Each request takes 100 ms of a worker; 64 at a time fill the workers and fit into the queues.
        let spec = |concurrency: u32| json!({ "concurrency": concurrency, "replicas": 2, "config": { "message": { "delay": "100ms" } } });
        case.apply_ready("c", spec(4)).await?;
        let pods = case.pods("c").await?;
        let load = Load { url: "http://c/microservice".into(), connections: 64, requests: 3000, ..Load::default() };
        let load = case.start_load(&[load]).await?;

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
