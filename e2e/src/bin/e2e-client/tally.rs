use std::time::Duration;

use anyhow::Result;
use e2e::{Latency, LoadReport};
use hdrhistogram::Histogram;
use http::StatusCode;

/// What became of one request.
pub enum Outcome {
    Answered { status: StatusCode, retry_after: bool },
    Lost(&'static str),
}

/// The counts of one stream.
pub struct Tally {
    report: LoadReport,
    latency: Histogram<u64>,
    late: Histogram<u64>,
}

impl Tally {
    pub fn new() -> Result<Self> {
        Ok(Self { report: LoadReport::default(), latency: Histogram::new(3)?, late: Histogram::new(2)? })
    }

    /// Counts a request that was due at `due` since the stream began, was begun `late` after that, and
    /// had its answer `took` after it was due.
    pub fn add(&mut self, outcome: &Outcome, due: Duration, late: Duration, took: Duration) {
        let report = &mut self.report;
        report.sent += 1;
        record(&mut self.late, late);
        let failed = match outcome {
            Outcome::Answered { status, retry_after } => {
                report.answered += 1;
                *report.status.entry(status.as_u16()).or_default() += 1;
                report.retry_after += u64::from(status.as_u16() == 503 && *retry_after);
                if status.as_u16() < 400 {
                    record(&mut self.latency, took);
                }
                status.is_server_error()
            }
            Outcome::Lost(why) => {
                *report.errors.entry((*why).into()).or_default() += 1;
                true
            }
        };
        if failed {
            let due = millis(due);
            let (first, last) = report.failed_ms.unwrap_or((due, due));
            report.failed_ms = Some((first.min(due), last.max(due)));
        }
    }

    pub fn report(&self, elapsed: Duration) -> LoadReport {
        let at = |quantile| self.latency.value_at_quantile(quantile);
        LoadReport {
            latency: Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.latency.max() },
            late_us: self.late.value_at_quantile(0.99),
            elapsed_ms: millis(elapsed),
            ..self.report.clone()
        }
    }
}

fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    // It grows as it must, and fails only at values that no index can hold.
    let _ = histogram.record(micros(duration));
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::{Outcome, Tally};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn latency_is_that_of_good_answers_and_counts_from_when_they_were_due() {
        let mut tally = Tally::new().unwrap();
        for _ in 0..99 {
            let ok = Outcome::Answered { status: StatusCode::OK, retry_after: false };
            tally.add(&ok, MS, Duration::ZERO, 2 * MS);
        }
        let ok = Outcome::Answered { status: StatusCode::OK, retry_after: false };
        tally.add(&ok, MS, 500 * MS, 502 * MS);
        let rejected = Outcome::Answered { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: true };
        tally.add(&rejected, 7 * MS, Duration::ZERO, 9000 * MS);
        let report = tally.report(MS);
        assert_eq!((report.latency.p50 / 10, report.latency.max / 1000), (200, 502));
        assert_eq!((report.sent, report.answered, report.retry_after), (101, 101, 1));
    }

    #[test]
    fn failures_say_when_they_began_and_ended() {
        let mut tally = Tally::new().unwrap();
        for (due, why) in [(30, "refused"), (10, "closed"), (20, "refused")] {
            tally.add(&Outcome::Lost(why), due * MS, Duration::ZERO, MS);
        }
        let report = tally.report(MS);
        assert_eq!(report.failed_ms, Some((10, 30)));
        assert_eq!(report.errors["refused"], 2);
        assert_eq!(report.failures(), 3);
    }
}
