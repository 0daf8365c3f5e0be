//! More load than the workers can take: they go on working at their full rate, no more requests are in
//! flight than there are workers, and what there is no room for is refused at once.

use std::{pin::pin, time::Duration};

use anyhow::{Context, Result, ensure};
use e2e::{Case, Load, LoadReport, parse_metrics, sum};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

const REPLICAS: u32 = 2;
const WORKERS: u32 = 4;
/// A request keeps a worker so long.
const WORK: Duration = Duration::from_millis(100);
/// `proxy.timeout`, which is also as long as a request may wait for a worker.
const DEADLINE: Duration = Duration::from_secs(1);
/// For nginx, the network, and timers of a machine with other work.
const MARGIN: Duration = Duration::from_millis(400);
const SECONDS: u32 = 12;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn overload_costs_no_goodput() -> Result<()> {
    e2e::run_alone("overload", async |case| {
        let spec = json!({
            "replicas": REPLICAS,
            "concurrency": WORKERS,
            "config": { "message": { "delay": format!("{}ms", WORK.as_millis()) } },
            "proxy": { "timeout": format!("{}s", DEADLINE.as_secs()) },
        });
        case.apply_ready("o", spec).await?;
        let pods = case.pods("o").await?;

        // As much as they can do: a few more requests than workers, each sent when another is answered.
        let capacity = REPLICAS * WORKERS * 1000 / u32::try_from(WORK.as_millis())?;
        let (peak, _) = load(case, &pods, None, 32, capacity * SECONDS).await?;
        ensure!(peak.failures() == 0, "the peak was overload already: {peak:?}");
        let best = goodput(&peak);
        println!("peak: {best:.1} of {capacity} requests/s; {peak:?}");

        for times in [2, 10] {
            let rate = capacity * times;
            let (report, seen) = load(case, &pods, Some(rate), 400, rate * SECONDS).await?;
            let good = goodput(&report);
            println!("{times} times the capacity: {good:.1} answers/s, {seen:?}; {report:?}");
            ensure!(good >= 0.9 * best, "goodput fell from {best:.1} to {good:.1} requests/s");
            let longest = DEADLINE + WORK + MARGIN;
            let p99 = Duration::from_micros(report.latency.p99);
            ensure!(p99 <= longest, "accepted requests took {p99:?}, {longest:?} is allowed");
            let workers = f64::from(WORKERS);
            ensure!(seen.in_flight <= workers, "more in flight than workers: {seen:?}");
            ensure!(seen.in_flight >= workers, "no overload was seen: {seen:?}");
            ensure!(seen.queued > 0.0 && seen.queued <= f64::from(10 * WORKERS), "waiting: {seen:?}");
            let rejected = report.with_status(503);
            ensure!(report.failures() == rejected, "neither 200 nor 503: {report:?}");
            ensure!(rejected > report.sent * u64::from(times - 1) / u64::from(times) / 2, "{report:?}");
            ensure!(report.retry_after == rejected, "503 without Retry-After: {report:?}");
        }

        let (after, _) = load(case, &pods, Some(capacity / 2), 32, capacity / 2 * 5).await?;
        ensure!(after.failures() == 0, "refused after the overload: {after:?}");
        Ok(())
    })
    .await
}

/// The most that any replica had.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    in_flight: f64,
    queued: f64,
    looks: u32,
}

async fn load(
    case: &Case,
    pods: &[Pod],
    rate: Option<u32>,
    connections: u32,
    requests: u32,
) -> Result<(LoadReport, Seen)> {
    let url = "http://o/microservice".into();
    let load = Load { url, connections, requests: requests.into(), rate, ..Load::default() };
    let load = case.start_load(&[load]).await?;
    load.running().await?;
    let mut report = pin!(load.report());
    let mut seen = Seen::default();
    loop {
        tokio::select! {
            report = &mut report => return Ok((report?, seen)),
            now = look(case, pods, seen) => seen = now?,
        }
    }
}

/// Asks every replica once more.
async fn look(case: &Case, pods: &[Pod], mut seen: Seen) -> Result<Seen> {
    let metrics = |pod: &Pod| {
        let name = pod.name_any();
        async move { case.admin(&name, "/metrics").await }
    };
    for text in try_join_all(pods.iter().map(metrics)).await? {
        let samples = parse_metrics(&text);
        let value = |name| sum(&samples, name).with_context(|| format!("no {name}"));
        seen.in_flight = seen.in_flight.max(value("chassis_requests_in_flight")?);
        seen.queued = seen.queued.max(value("chassis_queue_length")?);
        seen.looks += 1;
    }
    Ok(seen)
}

/// Good answers per second.
fn goodput(report: &LoadReport) -> f64 {
    #[allow(clippy::cast_precision_loss)] // Counts.
    let (good, elapsed) = (report.with_status(200) as f64, report.elapsed_ms as f64);
    good * 1000.0 / elapsed
}
