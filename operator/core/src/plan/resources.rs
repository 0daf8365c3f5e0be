//! Pure: CPU and memory of the service's container, by its number of workers.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::api::{MicroserviceSpec, Problem, Resources, Severity, parse_quantity, write_quantity};

/// Of a team that asks for nothing.
fn default_resources() -> Resources {
    let requests = [("cpu", "50m"), ("memory", "32Mi")];
    let requests = requests.map(|(name, amount)| (name.into(), Quantity(amount.into())));
    Resources { requests: requests.into(), limits: BTreeMap::new() }
}

/// `spec.resources`, and `spec.resourcesPerWorker` for each worker on top.
pub fn of_workers(spec: &MicroserviceSpec, workers: i32) -> Result<Resources, Problem> {
    let base = spec.resources.clone().unwrap_or_else(default_resources);
    let Some(each) = &spec.resources_per_worker else { return Ok(base) };
    let mut total = base.clone();
    for (name, share) in &each.requests {
        total.requests.insert(name.clone(), sum(name, "requests", base.requests.get(name), share, workers)?);
    }
    for (name, share) in &each.limits {
        // What is requested may be used in any case.
        let first = base.limits.get(name).or_else(|| base.requests.get(name));
        total.limits.insert(name.clone(), sum(name, "limits", first, share, workers)?);
    }
    for (name, limit) in &total.limits {
        // As the API server would, which does so once and not again when the limit changes.
        let request = total.requests.entry(name.clone()).or_insert_with(|| limit.clone());
        if parse_quantity(&request.0) > parse_quantity(&limit.0) {
            let message = format!(
                "{workers} workers request {} in all, which is above the limit of {}: raise resources.limits.{name}, or add limits.{name} here",
                request.0, limit.0
            );
            return Err(problem(&format!("requests.{name}"), message));
        }
    }
    Ok(total)
}

fn sum(
    name: &str,
    list: &str,
    first: Option<&Quantity>,
    share: &Quantity,
    workers: i32,
) -> Result<Quantity, Problem> {
    let amount = |quantity: &Quantity| {
        parse_quantity(&quantity.0).ok_or_else(|| {
            let message =
                format!("can't count with {}: write it with m, k, M, G, T, Ki, Mi, Gi or Ti", quantity.0);
            problem(&format!("{list}.{name}"), message)
        })
    };
    let first = first.map(amount).transpose()?.unwrap_or(0);
    let all = amount(share)?.checked_mul(workers.into()).and_then(|all| all.checked_add(first));
    let all = all.ok_or_else(|| {
        let message =
            format!("{} for each of {workers} workers is more than can be counted: write less", share.0);
        problem(&format!("{list}.{name}"), message)
    })?;
    Ok(write_quantity(all, name != "cpu"))
}

fn problem(field: &str, message: String) -> Problem {
    Problem { field: format!("spec.resourcesPerWorker.{field}"), severity: Severity::Error, message }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::of_workers;

    #[rstest]
    #[case::nothing(json!({}), json!({"requests": {"cpu": "50m", "memory": "32Mi"}}))]
    #[case::on_top(json!({"resourcesPerWorker": {"requests": {"cpu": "25m", "memory": "16Mi"}}}), json!({"requests": {"cpu": "150m", "memory": "96Mi"}}))]
    #[case::limits_begin_with_what_is_requested(json!({"resourcesPerWorker": {"limits": {"memory": "24Mi"}}}), json!({"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}))]
    #[case::the_base_is_the_users(json!({"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}, "resourcesPerWorker": {"requests": {"cpu": "0.5"}, "limits": {"memory": "256Mi"}}}), json!({"requests": {"cpu": "3", "memory": "2Gi"}, "limits": {"memory": "2Gi"}}))]
    fn each_worker_adds_its_share(#[case] spec: Value, #[case] total: Value) {
        let resources = of_workers(&serde_json::from_value(spec).unwrap(), 4).unwrap();
        assert_eq!(serde_json::to_value(resources).unwrap(), total);
    }

    #[rstest]
    #[case(json!({"resources": {"limits": {"memory": "64Mi"}}, "resourcesPerWorker": {"requests": {"memory": "32Mi"}}}), "spec.resourcesPerWorker.requests.memory", "4 workers request 128Mi in all")]
    #[case(json!({"resourcesPerWorker": {"requests": {"memory": "1E"}}}), "spec.resourcesPerWorker.requests.memory", "write it with m, k")]
    #[case(json!({"resourcesPerWorker": {"limits": {"memory": "99999999999999999999999999Gi"}}}), "spec.resourcesPerWorker.limits.memory", "write less")]
    fn what_can_t_be_is_said(#[case] spec: Value, #[case] field: &str, #[case] says: &str) {
        let problem = of_workers(&serde_json::from_value(spec).unwrap(), 4).unwrap_err();
        assert_eq!(problem.field, field);
        assert!(problem.message.contains(says), "{}", problem.message);
    }
}
