use std::{
    any::Any,
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use futures::{FutureExt, future::try_join_all};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    runtime::{conditions::is_crd_established, wait::Condition},
};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{Case, wait};

/// How long a definition may be away, or there.
const LIMIT: Duration = Duration::from_mins(5);

/// The Gateway API's definition of HTTPRoute.
pub const HTTP_ROUTES: &str = "httproutes.gateway.networking.k8s.io";

/// A definition, and the objects of its kind that nobody would make anew.
struct Saved {
    client: Client,
    name: String,
    definition: CustomResourceDefinition,
    objects: Vec<DynamicObject>,
}

impl Case {
    /// Deletes definitions, and with each of them all objects of its kind; then runs `meanwhile`, and
    /// puts everything back, also when that fails or panics.
    pub async fn without_definitions(
        &self,
        names: &[&str],
        meanwhile: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let saved = try_join_all(names.iter().map(|name| Saved::take(self.client.clone(), name))).await?;
        let without = Box::pin(async {
            try_join_all(names.iter().map(|name| self.delete_definition(name))).await?;
            meanwhile().await
        });
        let outcome = caught(without).await;
        let restored = try_join_all(saved.iter().map(Saved::restore)).await;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        restored.map(drop)
    }

    /// Changes a definition's versions, runs `meanwhile` and changes them back, also when that fails or
    /// panics.
    pub async fn with_definition_changed(
        &self,
        name: &str,
        change: impl FnOnce(&mut Value),
        meanwhile: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let definitions = self.definitions();
        let before = serde_json::to_value(definitions.get(name).await?.spec.versions)?;
        let mut after = before.clone();
        change(&mut after);
        let set = async |versions: Value| {
            let patch = Patch::Merge(json!({ "spec": { "versions": versions } }));
            definitions.patch(name, &PatchParams::default(), &patch).await.map(drop)
        };
        let changed = Box::pin(async {
            set(after).await?;
            meanwhile().await
        });
        let outcome = caught(changed).await;
        let restored = set(before).await;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        restored.context("can't change the definition back")
    }

    /// Deletes a definition, and with it all objects of its kind, and waits until it is gone.
    pub async fn delete_definition(&self, name: &str) -> Result<()> {
        let definitions = self.definitions();
        if definitions.get_opt(name).await?.is_some() {
            definitions.delete(name, &DeleteParams::default()).await?;
        }
        wait::object(&definitions, name, "the definition to be gone", wait::LONG, |found| found.is_none())
            .await?;
        Ok(())
    }

    /// Installs [`HTTP_ROUTES`], runs `meanwhile` and deletes it again, also when that fails or panics.
    pub async fn with_http_routes(&self, meanwhile: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let there = self.definitions().get_opt(HTTP_ROUTES).await?.is_some();
        ensure!(!there, "{HTTP_ROUTES} is there: this test would delete all HTTPRoutes");
        let with = Box::pin(async {
            self.install_http_routes().await?;
            meanwhile().await
        });
        let outcome = caught(with).await;
        let deleted = self.delete_definition(HTTP_ROUTES).await;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        deleted
    }

    /// Installs [`HTTP_ROUTES`].
    pub async fn install_http_routes(&self) -> Result<()> {
        let directory = self.settings.gateway_api.as_ref();
        let directory =
            directory.context("set E2E_GATEWAY_API to what `e2e/cluster/build.sh gateway-api` prints")?;
        let file = directory.join("gateway.networking.k8s.io_httproutes.yaml");
        self.kubectl().run(&["apply", "--server-side", "-f", &file.display().to_string()]).await?;
        established(&self.definitions(), HTTP_ROUTES).await
    }

    /// The cluster's definitions.
    pub fn definitions(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.client.clone())
    }
}

impl Saved {
    async fn take(client: Client, name: &str) -> Result<Self> {
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        let mut definition =
            definitions.get(name).await.with_context(|| format!("this test needs the definition {name}"))?;
        definition.metadata = plain(definition.metadata);
        definition.status = None;
        let all = Api::<DynamicObject>::all_with(client.clone(), &kind(&definition));
        let foreign = all.list(&ListParams::default()).await?.items.into_iter();
        let objects = foreign
            .filter(|object| object.owner_references().is_empty())
            .map(|object| DynamicObject { metadata: plain(object.metadata), ..object })
            .collect();
        Ok(Self { client, name: name.into(), definition, objects })
    }

    async fn restore(&self) -> Result<()> {
        let Self { client, name, definition, objects } = self;
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        // One that is still ending would take the new one with it.
        let gone_or_whole = |found: Option<&CustomResourceDefinition>| {
            found.is_none_or(|found| found.metadata.deletion_timestamp.is_none())
        };
        let what = "the definition to be gone or whole";
        if wait::object(&definitions, name, what, wait::LONG, gone_or_whole).await?.is_none() {
            let created = definitions.create(&PostParams::default(), definition).await;
            created.with_context(|| format!("can't put {name} back"))?;
        }
        established(&definitions, name).await?;
        for object in objects {
            let namespace = object.namespace().unwrap_or_default();
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind(definition));
            if api.get_opt(&object.name_any()).await?.is_none() {
                let created = api.create(&PostParams::default(), object).await;
                created.with_context(|| format!("can't put {namespace}/{} back", object.name_any()))?;
            }
        }
        Ok(())
    }
}

/// What came of it; it ends before the whole test's time is over, so that there is some to put things back.
async fn caught(test: impl Future<Output = Result<()>>) -> Result<Result<()>, Box<dyn Any + Send>> {
    let limited =
        timeout(LIMIT, test).map(|ended| ended.unwrap_or_else(|_| bail!("not done within {LIMIT:?}")));
    AssertUnwindSafe(limited).catch_unwind().await
}

async fn established(definitions: &Api<CustomResourceDefinition>, name: &str) -> Result<()> {
    wait::found(definitions, name, "the definition to be established", wait::LONG, |definition| {
        is_crd_established().matches_object(Some(definition))
    })
    .await?;
    Ok(())
}

/// The kind that it defines, in the version that is stored.
fn kind(definition: &CustomResourceDefinition) -> ApiResource {
    let spec = &definition.spec;
    let stored = spec.versions.iter().find(|version| version.storage);
    let version = stored.map_or("v1", |version| &version.name);
    let kind = GroupVersionKind::gvk(&spec.group, version, &spec.names.kind);
    ApiResource::from_gvk_with_plural(&kind, &spec.names.plural)
}

/// What an object was created with.
fn plain(metadata: ObjectMeta) -> ObjectMeta {
    let ObjectMeta { name, namespace, labels, annotations, .. } = metadata;
    ObjectMeta { name, namespace, labels, annotations, ..ObjectMeta::default() }
}
