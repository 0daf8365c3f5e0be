//! nginx's extras in a real pod, under Pod Security `restricted`; what each does in detail is tested
//! with nginx alone (`e2e/scripts/nginx.sh`).

use anyhow::{Context, Result, ensure};
use e2e::{Case, message};
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::process::Command;

fn spec(snippet: &str) -> Value {
    json!({ "networkPolicy": "open", "proxy": {
        "gzip": true,
        "rateLimit": { "requestsPerSecond": 100 },
        "trustedProxies": ["10.0.0.0/8"],
        "tls": { "secretName": "shop-tls" },
        "extraConfig": { "server": snippet },
    }})
}

const GOOD: &str = "location = /hello { return 200 'hello over $scheme'; }";

#[tokio::test]
#[ignore = "needs a cluster"]
async fn nginx_serves_https_and_a_bad_snippet_changes_nothing() -> Result<()> {
    e2e::run("proxy", async |case| {
        secret(case).await?;
        case.apply_ready("shop", spec(GOOD)).await?;
        assert_eq!(case.service("https:shop:https", "/hello").await?, "hello over https");
        assert_eq!(case.service("shop:http", "/hello").await?, "hello over http");
        let answer = case.request("POST", "http://shop/microservice", Some("{}")).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let pods: Vec<_> = case.pods("shop").await?.iter().map(ResourceExt::name_any).collect();

        case.apply("shop", spec(&format!("{GOOD}\ngzip_types;"))).await?;
        let refused = case.condition("shop", "Accepted", "False", "InvalidSpec").await?;
        let words = message(&refused, "Accepted");
        ensure!(words.contains("spec.proxy.extraConfig.server line 2: gzip_types"), "{words}");
        let problems = refused.status.context("no status")?.problems;
        assert_eq!(problems[0].field, "spec.proxy.extraConfig.server");
        assert_eq!(case.service("https:shop:https", "/hello").await?, "hello over https");

        case.apply_ready("shop", spec(GOOD)).await?;
        let same: Vec<_> = case.pods("shop").await?.iter().map(ResourceExt::name_any).collect();
        assert_eq!(same, pods, "a snippet that was refused restarts nothing");
        Ok(())
    })
    .await
}

/// What the snippet says of clients is nothing to the kubelet, nor to the operator's own request.
#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_snippet_that_redirects_or_refuses_leaves_the_pod_ready_and_verified() -> Result<()> {
    e2e::run("redirect", async |case| {
        for (snippet, status) in [
            ("if ($http_x_forwarded_proto != https) { return 301 https://$host$request_uri; }", 301),
            ("if ($host != shop.example.com) { return 403; }", 403),
            ("return 503;", 503),
        ] {
            case.apply_ready("shop", json!({ "proxy": { "extraConfig": { "server": snippet } } })).await?;
            case.condition("shop", "Verified", "True", "RequestAnswered").await?;
            let answer = case.request("POST", "http://shop/microservice", Some("{}")).await?;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        Ok(())
    })
    .await
}

/// A Secret with a self-signed certificate.
async fn secret(case: &Case) -> Result<()> {
    let folder = std::env::temp_dir().join(&case.namespace);
    std::fs::create_dir_all(&folder)?;
    let (key, certificate) =
        (folder.join("key").display().to_string(), folder.join("crt").display().to_string());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=shop"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .await
        .context("openssl is needed")?;
    ensure!(made.status.success(), "openssl: {made:?}");
    let create = ["create", "secret", "tls", "shop-tls", "--key", &key, "--cert", &certificate];
    case.kubectl().run(&create).await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
