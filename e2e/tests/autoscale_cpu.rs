//! An autoscaler on processor time adds replicas under load and takes them away after it; no request is
//! lost.

use anyhow::{Result, ensure};
use e2e::Load;
use serde_json::json;

const MOST: i32 = 3;

#[tokio::test]
#[ignore = "needs a cluster"]
async fn replicas_follow_processor_time_and_no_request_is_lost() -> Result<()> {
    e2e::run("autoscale-cpu", async |case| {
        if !case.serves("v1beta1.metrics.k8s.io").await? {
            return Ok(());
        }
        case.apply_ready(
            "a",
            json!({
                "concurrency": 16,
                "resources": { "requests": { "cpu": "20m" } },
                "proxy": { "resources": { "requests": { "cpu": "10m" } } },
            }),
        )
        .await?;
        let cpu = json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 100 } });
        case.autoscale("a", MOST, json!({ "type": "Resource", "resource": cpu })).await?;

        // All along; all connections together are fewer than one replica takes, worked on and waiting.
        let load = |rate, keepalive| Load {
            url: "http://a/microservice".into(),
            connections: 20,
            requests: 0,
            rate: Some(rate),
            keepalive,
            until_told: true,
            ..Load::default()
        };
        let calm = case.start_load(&[load(10, true), load(5, false)]).await?;
        let rush = case.start_load(&[load(300, true), load(200, false)]).await?;
        case.scaled("a", MOST).await?;
        rush.stop().await?;
        let mut reports = rush.reports().await?;
        case.scaled("a", 1).await?;
        calm.stop().await?;
        reports.extend(calm.reports().await?);
        for report in &reports {
            println!("{report:?}");
            ensure!(report.failures() == 0 && report.sent > 100, "{report:?}");
        }
        Ok(())
    })
    .await
}
