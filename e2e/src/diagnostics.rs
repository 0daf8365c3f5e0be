use crate::{Kubectl, Settings};

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

/// Prints everything that explains the failure of a test in `namespace`, to standard error.
pub(crate) async fn dump(settings: &Settings, namespace: &str) {
    for (namespace, questions) in
        [(namespace, &QUESTIONS[..]), (&settings.operator_namespace, &OPERATOR_QUESTIONS)]
    {
        print(Kubectl::new(&settings.kubectl, namespace), namespace, questions).await;
    }
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
