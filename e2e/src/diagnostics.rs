use crate::{Case, Kubectl};

/// What is asked of the test's namespace when it failed.
const QUESTIONS: [&[&str]; 5] = [
    &["get", "microservices", "-o", "yaml"],
    &["get", "deployments,replicasets,pods,services,configmaps,serviceaccounts", "-o", "wide"],
    &["describe", "pods"],
    &["get", "events", "--sort-by=.metadata.creationTimestamp"],
    &["logs", "--selector=microservice.dev/name", "--all-containers", "--prefix", "--tail=50"],
];

/// What is asked of the operator's.
const OPERATOR_QUESTIONS: [&[&str]; 2] = [
    &["get", "pods", "-o", "wide"],
    &["logs", "--selector=app.kubernetes.io/name=microservice-operator", "--prefix", "--tail=200"],
];

/// Prints everything that explains a failure, to standard error.
pub(crate) async fn dump(case: &Case) {
    print(case.kubectl(), &case.namespace, &QUESTIONS).await;
    let namespace = &case.settings.operator_namespace;
    print(Kubectl::new(&case.settings.kubectl, namespace), namespace, &OPERATOR_QUESTIONS).await;
}

async fn print(kubectl: Kubectl<'_>, namespace: &str, questions: &[&[&str]]) {
    for question in questions {
        let title = format!("kubectl -n {namespace} {}", question.join(" "));
        match kubectl.output(question, "").await {
            Ok(output) => eprintln!("--- {title}\n{}{}", output.stdout, output.stderr),
            Err(error) => eprintln!("--- {title}\n{error:#}"),
        }
    }
}
