//! What is asked of Prometheus about one Microservice: the same in its alerts and in its dashboard.
//! Only metrics that the service really exports.

use crate::model::ResolvedMicroservice;

/// Queries on the series of one Microservice.
pub(super) struct Queries {
    /// Label matchers, as the `ServiceMonitor`'s targets have them.
    matchers: String,
    requests_per_worker: i32,
    /// What a rate is taken over.
    window: &'static str,
}

impl Queries {
    /// For an alert or a dashboard; `window` is the time that a rate is taken over.
    pub fn new(resolved: &ResolvedMicroservice, window: &'static str) -> Self {
        Self {
            matchers: format!(r#"namespace="{}",service="{}""#, resolved.namespace, resolved.child_name),
            requests_per_worker: resolved.spec.requests_per_worker,
            window,
        }
    }

    /// Answers a second, by status.
    pub fn requests(&self) -> String {
        format!("sum by (code) ({})", self.rate("chassis_http_requests_total", ""))
    }

    /// Share of answers with a status of 500 and above.
    pub fn error_share(&self) -> String {
        let name = "chassis_http_requests_total";
        format!("(sum({}) or vector(0)) / sum({})", self.rate(name, r#",code=~"5..""#), self.rate(name, ""))
    }

    /// Seconds within which this share of requests is answered.
    pub fn latency(&self, share: &str) -> String {
        let rate = self.rate("chassis_http_request_duration_seconds_bucket", "");
        format!("histogram_quantile({share}, sum by (le) ({rate}))")
    }

    /// Requests a second refused because the queue was full.
    pub fn refused(&self) -> String {
        // In push mode there is no series before the first one.
        let rate = self.rate("chassis_requests_rejected_total", r#",reason="queue_full""#);
        format!("(sum({rate}) or vector(0))")
    }

    /// Share of what the workers can take that is in their hands.
    pub fn busy_share(&self) -> String {
        let capacity = match self.requests_per_worker {
            1 => self.workers(),
            several => format!("({} * {several})", self.workers()),
        };
        format!("{} / {capacity}", self.in_flight())
    }

    /// Workers of all pods.
    pub fn workers(&self) -> String {
        self.sum("chassis_workers")
    }

    /// Requests in the hands of all workers.
    pub fn in_flight(&self) -> String {
        self.sum("chassis_requests_in_flight")
    }

    /// Requests that wait.
    pub fn queued(&self) -> String {
        self.sum("chassis_queue_length")
    }

    /// Requests that may wait.
    pub fn queue_limit(&self) -> String {
        self.sum("chassis_queue_limit")
    }

    /// Pods that can be scraped.
    pub fn pods_up(&self) -> String {
        self.sum("up")
    }

    /// Pods that can't be scraped, one series each.
    pub fn pods_down(&self) -> String {
        format!("up{{{}}} == 0", self.matchers)
    }

    /// How long scrapes take, the slowest.
    pub fn scrape_seconds(&self) -> String {
        format!("max(scrape_duration_seconds{{{}}})", self.matchers)
    }

    /// Metrics of each pod.
    pub fn samples(&self) -> String {
        format!("sum by (pod) (scrape_samples_scraped{{{}}})", self.matchers)
    }

    fn sum(&self, name: &str) -> String {
        format!("sum({name}{{{}}})", self.matchers)
    }

    fn rate(&self, name: &str, more: &str) -> String {
        format!("rate({name}{{{}{more}}}[{}])", self.matchers, self.window)
    }
}
