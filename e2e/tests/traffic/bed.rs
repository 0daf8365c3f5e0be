use anyhow::{Context, Result};
use e2e::{Case, Load, LoadPod, managed, wait};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

pub const REPLICAS: usize = 3;

/// Workers of each replica. No change may let requests be refused because the queue is full: all
/// connections of all streams together are fewer than one replica of 16 workers takes, 16 that work and
/// 160 that wait.
pub const CONCURRENCY: i32 = 32;
const CONNECTIONS: u32 = 20;

/// What the load goes to.
pub struct Bed {
    /// `http://address` of the ways in, with their names.
    ways: [(&'static str, String); 2],
}

/// Of each stream, in the order of the streams: way in, method, connections kept.
pub type Kind = (&'static str, &'static str, bool);

pub const WAYS: [&str; 2] = ["ClusterIP", "NodePort"];

/// All kinds of streams.
pub fn kinds() -> impl Iterator<Item = Kind> {
    WAYS.into_iter().flat_map(|way| {
        ["GET", "POST"]
            .into_iter()
            .flat_map(move |method| [true, false].into_iter().map(move |kept| (way, method, kept)))
    })
}

impl Bed {
    /// Three replicas, reached by their Service and by a NodePort.
    pub async fn make(case: &Case) -> Result<Self> {
        case.apply_ready("t", spec()).await?;
        let service: Service = serde_json::from_value(json!({
            "metadata": { "name": "t-node" },
            "spec": {
                "type": "NodePort",
                "selector": { "microservice.dev/name": "t" },
                "ports": [{ "name": "http", "port": 80, "targetPort": "http" }],
            },
        }))?;
        let service = case.api::<Service>().create(&PostParams::default(), &service).await?;
        let port = service.spec.and_then(|spec| spec.ports?.first()?.node_port).context("no node port")?;
        let nodes = Api::<Node>::all(case.client.clone()).list(&ListParams::default()).await?.items;
        let address = nodes
            .into_iter()
            .filter_map(|node| node.status?.addresses)
            .flatten()
            .find(|address| address.type_ == "InternalIP")
            .context("no node with an address")?;
        let node = format!("http://{}:{port}", address.address);
        Ok(Self { ways: [(WAYS[0], "http://t".into()), (WAYS[1], node)] })
    }

    /// Load of every kind, for so many seconds at least and until it is told to end; `rate` is the requests per second
    /// of each stream with kept connections, half as many with new ones.
    pub async fn start<'a>(&self, case: &'a Case, rate: u32, seconds: u64) -> Result<LoadPod<'a>> {
        let streams: Vec<Load> = kinds().map(|kind| self.stream(kind, rate, seconds)).collect();
        let load = case.start_load(&streams).await?;
        load.running().await?;
        Ok(load)
    }

    fn stream(&self, (way, method, keepalive): Kind, rate: u32, seconds: u64) -> Load {
        let base = self.ways.iter().find(|(name, _)| *name == way).map_or("", |(_, base)| base);
        let path = if method == "GET" { "/fibonacci/list?count=20" } else { "/microservice" };
        let rate = if keepalive { rate } else { rate / 2 };
        Load {
            url: format!("{base}{path}"),
            method: method.into(),
            data: if method == "GET" { String::new() } else { r#"{"hello":"world"}"#.into() },
            connections: CONNECTIONS,
            requests: u64::from(rate) * seconds,
            keepalive,
            rate: Some(rate),
            until_told: true,
            ..Load::default()
        }
    }

    /// As it was in the beginning.
    pub async fn restore(&self, case: &Case) -> Result<()> {
        case.apply_ready("t", spec()).await?;
        settled(case, REPLICAS).await
    }
}

/// The service that takes the load; a message takes 5 ms of a worker.
pub fn spec() -> Value {
    json!({
        "replicas": REPLICAS,
        "concurrency": CONCURRENCY,
        "profile": "all",
        "env": [{ "name": "COLOUR", "value": "red" }],
        "config": { "message": { "delay": "5ms" } },
        // Requests, so that a busy machine takes no processor time from them first.
        "resources": { "requests": { "cpu": "200m" } },
    })
}

/// [`spec`] with some fields changed.
pub fn spec_with(changes: Value) -> Value {
    let (mut spec, Value::Object(changes)) = (spec(), changes) else { return Value::Null };
    for (field, value) in changes {
        spec[field] = value;
    }
    spec
}

/// Waits until there are so many pods, all ready, and the last of the others has ended.
pub async fn settled(case: &Case, replicas: usize) -> Result<()> {
    let what = format!("{replicas} ready pods and no other");
    wait::list(&case.api::<Pod>(), managed("t"), &what, wait::LONG, |pods| {
        pods.len() == replicas && pods.values().all(is_ready)
    })
    .await?;
    Ok(())
}

/// Replaces every pod by the Deployment's own means.
pub async fn restart(case: &Case) -> Result<()> {
    case.kubectl().run(&["rollout", "restart", "deployment/t"]).await?;
    rolled_out(case).await
}

pub async fn rolled_out(case: &Case) -> Result<()> {
    case.kubectl().run(&["rollout", "status", "deployment/t", "--timeout=120s"]).await?;
    settled(case, REPLICAS).await
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}
