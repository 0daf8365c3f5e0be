use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Case, Right, Rights, command};

/// Name of the release that is installed; of its Lease, too.
pub const RELEASE: &str = "microservice-operator";

/// What the chart lets the operator do.
pub struct ChartRights {
    /// Where Microservices are.
    pub services: Rights,
    /// In its own namespace, with the Lease.
    pub lease: Rights,
}

impl Case {
    /// The rights that the chart gives to an operator of these namespaces, or of the cluster where there
    /// are none.
    pub async fn chart_rights(&self, namespaces: &[&str]) -> Result<ChartRights> {
        let scope = format!("scope.namespaces={}", json!(namespaces));
        let objects = self.chart(RELEASE, &[&scope]).await?;
        let is_role = |object: &&Value| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Role"));
        let roles = objects.iter().filter(is_role).map(Right::of_role).collect::<Result<Vec<_>>>()?;
        let (lease, services) =
            roles.into_iter().flatten().partition(|right: &Right| right.resource == "leases");
        Ok(ChartRights { services, lease })
    }

    /// The objects that the chart makes with these values (`name=value`, the value as JSON), for a
    /// release of this name in the test's namespace.
    async fn chart(&self, release: &str, values: &[&str]) -> Result<Vec<Value>> {
        let chart = self.settings.chart.display().to_string();
        let mut arguments = vec!["template", release, &chart, "--namespace", &self.namespace];
        arguments.extend(values.iter().flat_map(|value| ["--set-json", value]));
        let text = self.helm(&arguments).await?;
        let documents = serde_yaml::Deserializer::from_str(&text);
        let objects: Result<Vec<_>, _> = documents.map(Value::deserialize).collect();
        Ok(objects.context("helm's output")?.into_iter().filter(|object| !object.is_null()).collect())
    }

    /// Runs `helm`.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String> {
        command::run(&self.settings.helm, arguments).await
    }
}
