use std::fmt;

use anyhow::{Result, ensure};
use e2e::LoadReport;

use crate::{
    bed::{self, Kind},
    change::KILL,
    control::Control,
};

struct Row {
    change: &'static str,
    kind: Kind,
    report: LoadReport,
}

/// What every change did to every kind of stream.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

/// Failures and requests.
type Sum = (u64, u64);

impl Table {
    /// Adds the streams of one change, in the order of [`bed::kinds`].
    pub fn add(&mut self, change: &'static str, reports: Vec<LoadReport>) -> Sum {
        self.rows.extend(bed::kinds().zip(reports).map(|(kind, report)| Row { change, kind, report }));
        self.sum(|row| row.change == change)
    }

    /// No request failed, of at least so many; the kill lost some within its bound, and so did each
    /// control, of which one is about kept connections alone.
    pub fn check(&self, least: u64) -> Result<()> {
        let (failed, sent) = self.changes();
        let causes: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.report.failures() > 0)
            .map(|row| format!("{} {:?}: {:?}", row.change, row.kind, row.report))
            .collect();
        ensure!(failed == 0, "{failed} of {sent} requests failed:\n{}", causes.join("\n"));
        ensure!(sent >= least, "only {sent} requests of {least}");
        for row in &self.rows {
            ensure!(row.report.sent > 0, "a stream without requests: {} {:?}", row.change, row.kind);
        }
        for control in Control::ALL.map(Control::name) {
            let (failed, sent) = self.sum(|row| row.change == control);
            ensure!(sent == 0 || failed > 0, "blind: {control} lost none of {sent}");
        }
        Ok(())
    }

    /// Each change in one line.
    fn summary(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| change | kept connections: failed / sent | new connections: failed / sent | highest p99 ms |"
        )?;
        writeln!(out, "|---|--:|--:|--:|")?;
        let mut changes: Vec<_> = self.rows.iter().map(|row| row.change).collect();
        changes.dedup();
        for change in changes {
            let [kept, new] = [true, false].map(|kept| {
                let (failed, sent) = self.sum(|row| row.change == change && row.kind.2 == kept);
                format!("{failed} / {sent}")
            });
            let of_change = self.rows.iter().filter(|row| row.change == change);
            let p99 = of_change.map(|row| row.report.latency.p99).max().unwrap_or_default();
            writeln!(out, "| {change} | {kept} | {new} | {} |", ms(p99))?;
        }
        let (failed, sent) = self.changes();
        writeln!(out, "\n{failed} of {sent} requests failed, without the kill and the controls.")
    }

    /// Of the changes that may lose nothing.
    fn changes(&self) -> Sum {
        let controls = Control::ALL.map(Control::name);
        self.sum(|row| row.change != KILL && !controls.contains(&row.change))
    }

    fn sum(&self, of: impl Fn(&Row) -> bool) -> Sum {
        let rows = self.rows.iter().filter(|row| of(row));
        rows.fold((0, 0), |(failed, sent), row| (failed + row.report.failures(), sent + row.report.sent))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| change | way in | method | connections | failed / sent | how | p50 ms | p99 ms | p99.9 ms | max ms |"
        )?;
        writeln!(out, "|---|---|---|---|--:|---|--:|--:|--:|--:|")?;
        for Row { change, kind: (way, method, kept), report } in &self.rows {
            let connections = if *kept { "kept" } else { "new" };
            let [p50, p99, p999, max] =
                [report.latency.p50, report.latency.p99, report.latency.p999, report.latency.max].map(ms);
            let (failed, sent) = (report.failures(), report.sent);
            let how = how(report);
            writeln!(
                out,
                "| {change} | {way} | {method} | {connections} | {failed} / {sent} | {how} | {p50} | {p99} | {p999} | {max} |"
            )?;
        }
        writeln!(out)?;
        self.summary(out)
    }
}

/// What became of those that failed.
fn how(report: &LoadReport) -> String {
    let errors = report.errors.iter().map(|(error, count)| format!("{count} {error}"));
    let answers = report.status.iter().filter(|(status, _)| **status != 200);
    errors
        .chain(answers.map(|(status, count)| format!("{count} answered {status}")))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Microseconds as milliseconds.
fn ms(micros: u64) -> String {
    format!("{}.{}", micros / 1000, micros % 1000 / 100)
}
