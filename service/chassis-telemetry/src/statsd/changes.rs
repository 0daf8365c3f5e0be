//! What has changed in a registry since the last look, as datagrams.

use std::collections::HashMap;

use prometheus::proto::{LabelPair, MetricFamily, MetricType};

use super::{packet::Packets, update::write_tags};

/// statsd adds up what it is sent, so a total that was sent already must not be sent again (contract 1.3.22: the
/// original sends running totals, and the exporter over-counts).
#[derive(Debug, Default)]
pub(super) struct Changes {
    seen: HashMap<Vec<u8>, f64>,
}

impl Changes {
    /// Writes how much each counter and histogram has grown since the last call, and the value of each gauge.
    pub(super) fn write(
        &mut self,
        families: &[MetricFamily],
        skip: impl Fn(&str) -> bool,
        packets: &mut Packets<'_>,
    ) {
        for family in families.iter().filter(|family| !skip(family.name())) {
            let name = family.name();
            for metric in family.get_metric() {
                let labels = metric.get_label();
                match family.get_field_type() {
                    MetricType::COUNTER => {
                        let total = metric.get_counter().get_value();
                        self.grown(name, labels, None, total, packets);
                    }
                    MetricType::GAUGE => gauge(name, labels, metric.get_gauge().get_value(), packets),
                    MetricType::HISTOGRAM => {
                        let histogram = metric.get_histogram();
                        for bucket in histogram.get_bucket() {
                            let (le, count) = (bucket.upper_bound().to_string(), bucket.cumulative_count());
                            self.grown(
                                &format!("{name}_bucket"),
                                labels,
                                Some(&le),
                                count_of(count),
                                packets,
                            );
                        }
                        let count = count_of(histogram.get_sample_count());
                        self.grown(&format!("{name}_bucket"), labels, Some("+Inf"), count, packets);
                        self.grown(&format!("{name}_count"), labels, None, count, packets);
                        self.grown(&format!("{name}_sum"), labels, None, histogram.get_sample_sum(), packets);
                    }
                    MetricType::SUMMARY | MetricType::UNTYPED => {}
                }
            }
        }
    }

    fn grown(
        &mut self,
        name: &str,
        labels: &[LabelPair],
        le: Option<&str>,
        total: f64,
        packets: &mut Packets<'_>,
    ) {
        let mut tags = Vec::new();
        let pairs = labels.iter().map(|pair| (pair.name(), pair.value()));
        write_tags(&mut tags, pairs.chain(le.map(|le| ("le", le))));
        let key = [name.as_bytes(), &tags].concat();
        let before = self.seen.insert(key, total).unwrap_or_default();
        let growth = total - before;
        if growth > 0.0 {
            packets.add(name, growth, "c", &tags);
        }
    }
}

fn gauge(name: &str, labels: &[LabelPair], value: f64, packets: &mut Packets<'_>) {
    let mut tags = Vec::new();
    write_tags(&mut tags, labels.iter().map(|pair| (pair.name(), pair.value())));
    packets.gauge(name, value, &tags);
}

#[expect(clippy::cast_precision_loss, reason = "statsd's numbers are floats; exact up to 2^53")]
fn count_of(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, Registry};

    use super::*;

    fn pushed(changes: &mut Changes, registry: &Registry) -> Vec<String> {
        let mut pushed = Vec::new();
        let mut send = |packet: &[u8]| pushed.push(String::from_utf8(packet.to_vec()).unwrap());
        let mut packets = Packets::new(&mut send);
        changes.write(&registry.gather(), |name| name.starts_with("skipped"), &mut packets);
        packets.finish();
        pushed.iter().flat_map(|packet| packet.lines()).map(str::to_owned).collect()
    }

    #[test]
    fn contract_1_3_22_a_total_is_never_sent_twice() {
        let registry = Registry::new();
        let counter = IntCounter::new("a_total", "A").unwrap();
        let skipped = IntCounter::new("skipped_total", "S").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        registry.register(Box::new(skipped.clone())).unwrap();
        let mut changes = Changes::default();
        assert_eq!(pushed(&mut changes, &registry), [""; 0], "nothing has happened");
        counter.inc_by(5);
        skipped.inc();
        assert_eq!(pushed(&mut changes, &registry), ["a_total:5|c"]);
        counter.inc_by(2);
        assert_eq!(pushed(&mut changes, &registry), ["a_total:2|c"]);
        assert_eq!(pushed(&mut changes, &registry), [""; 0]);
    }

    #[test]
    fn a_histogram_is_counters_and_a_gauge_is_set_even_below_zero() {
        let registry = Registry::new();
        let options = HistogramOpts::new("h_seconds", "H").buckets(vec![0.5, 1.0]);
        let histogram = Histogram::with_opts(options).unwrap();
        let gauge = Gauge::new("g", "G").unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();
        registry.register(Box::new(gauge.clone())).unwrap();
        let mut changes = Changes::default();
        histogram.observe(0.75);
        gauge.set(-1.5);
        // A sign makes a gauge of statsd relative: first 0, then down.
        assert_eq!(
            pushed(&mut changes, &registry),
            [
                "g:0|g",
                "g:-1.5|g",
                "h_seconds_bucket:1|c|#le:1",
                "h_seconds_bucket:1|c|#le:+Inf",
                "h_seconds_count:1|c",
                "h_seconds_sum:0.75|c"
            ]
        );
        gauge.set(4.0);
        assert_eq!(pushed(&mut changes, &registry), ["g:4|g"]);
    }
}
