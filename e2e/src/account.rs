use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
};

use anyhow::{Context, Result};
use k8s_openapi::api::{
    authorization::v1::{ResourceRule, SelfSubjectRulesReview},
    core::v1::Namespace,
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding},
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Case, wait};

/// One thing that one may do: a verb on the objects of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// API group; empty for the core.
    pub group: String,
    /// As in URLs, with the subresource: `pods/resize`.
    pub resource: String,
    /// Such as `list`.
    pub verb: String,
    /// Names of objects; none: all.
    pub names: Vec<String>,
}

/// Several of them.
pub type Rights = BTreeSet<Right>;

/// An account that has exactly the rights that it was given, in the test's namespace or in the cluster.
pub struct Account<'a> {
    case: &'a Case,
    name: String,
    reach: Reach,
}

/// Where an account has its rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the test's namespace, by a Role.
    Namespace,
    /// Everywhere, by a ClusterRole that goes with the test's namespace.
    Cluster,
}

impl Right {
    /// The rights of a Role or ClusterRole, each by itself.
    pub fn of_role(role: &Value) -> Result<Rights> {
        let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).context("rules")?;
        Ok(rules
            .into_iter()
            .flat_map(|rule| {
                each(
                    rule.api_groups.as_ref(),
                    rule.resources.as_ref(),
                    &rule.verbs,
                    rule.resource_names.as_ref(),
                )
            })
            .collect())
    }

    fn rule(&self) -> Value {
        let mut rule =
            json!({ "apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb] });
        if !self.names.is_empty() {
            rule["resourceNames"] = json!(self.names);
        }
        rule
    }
}

impl Display for Right {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)
    }
}

fn each(
    groups: Option<&Vec<String>>,
    resources: Option<&Vec<String>>,
    verbs: &[String],
    names: Option<&Vec<String>>,
) -> Rights {
    let mut rights = Rights::new();
    for group in groups.into_iter().flatten() {
        for resource in resources.into_iter().flatten() {
            rights.extend(verbs.iter().map(|verb| Right {
                group: group.clone(),
                resource: resource.clone(),
                verb: verb.clone(),
                names: names.cloned().unwrap_or_default(),
            }));
        }
    }
    rights
}

impl Case {
    /// An account with these rights.
    pub async fn account(&self, name: &str, reach: Reach, rights: &Rights) -> Result<Account<'_>> {
        let account = Account { case: self, name: name.into(), reach };
        account.bind().await?;
        account.may(rights).await?;
        Ok(account)
    }
}

impl Account<'_> {
    /// From now on it has these rights and no others; returns when the API server knows.
    pub async fn may(&self, rights: &Rights) -> Result<()> {
        let rules: Vec<_> = rights.iter().map(Right::rule).collect();
        match self.reach {
            Reach::Namespace => self.apply(&self.case.api::<Role>(), json!({ "rules": rules })).await?,
            Reach::Cluster => self.apply(&self.all::<ClusterRole>(), json!({ "rules": rules })).await?,
        }
        let client = Client::try_from(self.config().await?)?;
        let spec = json!({ "metadata": {}, "spec": { "namespace": self.case.namespace } });
        let question: SelfSubjectRulesReview = serde_json::from_value(spec)?;
        wait::until(&format!("the API server to know the rights of {}", self.name), wait::SHORT, async || {
            let answer = Api::all(client.clone()).create(&PostParams::default(), &question).await?;
            let rules = answer.status.context("no answer")?.resource_rules;
            Ok((of_rules(&rules) == *rights).then_some(()))
        })
        .await
    }

    /// How to act as it.
    pub async fn config(&self) -> Result<Config> {
        let mut config = Config::infer().await?;
        config.auth_info.impersonate = Some(self.user());
        config.auth_info.impersonate_groups = Some(vec!["system:authenticated".into()]);
        Ok(config)
    }

    async fn bind(&self) -> Result<()> {
        let subjects =
            json!([{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": self.user() }]);
        let binding = |kind: &str| {
            json!({ "subjects": subjects, "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": self.object(),
            }})
        };
        match self.reach {
            Reach::Namespace => self.apply(&self.case.api::<RoleBinding>(), binding("Role")).await,
            Reach::Cluster => self.apply(&self.all::<ClusterRoleBinding>(), binding("ClusterRole")).await,
        }
    }

    async fn apply<K>(&self, api: &Api<K>, mut object: Value) -> Result<()>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + fmt::Debug,
    {
        object["apiVersion"] = K::api_version(&()).into();
        object["kind"] = K::kind(&()).into();
        object["metadata"] = json!({ "name": self.object() });
        if self.reach == Reach::Cluster {
            let namespace = self.all::<Namespace>().get(&self.case.namespace).await?;
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "v1", "kind": "Namespace", "name": namespace.name_any(), "uid": namespace.uid(),
            }]);
        }
        api.patch(&self.object(), &PatchParams::apply("e2e").force(), &Patch::Apply(object)).await?;
        Ok(())
    }

    fn all<K: Resource<DynamicType = ()>>(&self) -> Api<K> {
        Api::all(self.case.client.clone())
    }

    /// No other test has an account of this name.
    fn user(&self) -> String {
        format!("{}:{}", self.case.namespace, self.name)
    }

    fn object(&self) -> String {
        match self.reach {
            Reach::Namespace => self.name.clone(),
            Reach::Cluster => format!("{}-{}", self.case.namespace, self.name),
        }
    }
}

/// What everybody may, to ask what he may, is left out.
fn of_rules(rules: &[ResourceRule]) -> Rights {
    let everybodys = ["authorization.k8s.io", "authentication.k8s.io"];
    rules
        .iter()
        .flat_map(|rule| {
            each(rule.api_groups.as_ref(), rule.resources.as_ref(), &rule.verbs, rule.resource_names.as_ref())
        })
        .filter(|right| !everybodys.contains(&&*right.group))
        .collect()
}
