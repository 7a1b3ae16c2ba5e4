//! What a run came to: a table for people, one JSON object for programs.

use std::collections::BTreeMap;

use hdrhistogram::{CreationError, Histogram};
use serde_json::{Map, Value, json};

use super::{
    plan::{Kind, Plan},
    tally::{KindTally, Tally},
};
use crate::cli::output::{self, BAD, BOLD, GOOD, say};

/// The quantiles that are reported: their names in JSON and in the table.
const QUANTILES: [(&str, &str, f64); 4] =
    [("p50", "p50", 0.5), ("p90", "p90", 0.9), ("p99", "p99", 0.99), ("p999", "p99.9", 0.999)];

/// The result of a run.
pub(super) struct Report {
    tally: Tally,
    all: KindTally,
    seconds: f64,
    connections: usize,
    concurrency: usize,
    /// How often the fresh tokens were sent all over again.
    repeated: usize,
}

impl Report {
    pub(super) fn new(tally: Tally, plan: &Plan, repeated: usize) -> Result<Self, CreationError> {
        let mut all = KindTally::new()?;
        tally.kinds.iter().for_each(|kind| all.add(kind));
        let (connections, concurrency) = (plan.connections, plan.concurrency);
        Ok(Self { tally, all, seconds: plan.duration.as_secs_f64(), connections, concurrency, repeated })
    }

    /// Whether there were calls, and every one was answered as it must be.
    pub(super) fn good(&self) -> bool {
        self.all.right > 0 && self.all.right == self.all.calls()
    }

    /// The kinds of which there were calls.
    fn kinds(&self) -> impl Iterator<Item = (&'static str, &KindTally)> {
        let kinds = Kind::ALL.iter().zip(&self.tally.kinds).filter(|(_, tally)| tally.calls() > 0);
        kinds.map(|(kind, tally)| (kind.name(), tally))
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let mut object = kind_json(&self.all, self.seconds);
        let kinds: Map<String, Value> = self
            .kinds()
            .map(|(name, tally)| (name.to_owned(), Value::Object(kind_json(tally, self.seconds))))
            .collect();
        let refused = &self.tally.refused;
        let more = [
            ("seconds", json!(self.seconds)),
            ("reasons", json!(self.tally.reasons)),
            (
                "refused",
                json!({"calls": refused.len(), "p50_us": micros(refused, 0.5), "p99_us": micros(refused, 0.99)}),
            ),
            ("kinds", Value::Object(kinds)),
            ("verdicts", json!(self.tally.verdicts)),
            ("connections", json!(self.connections)),
            ("concurrency", json!(self.concurrency)),
            ("not_sent_in_time", json!(self.tally.not_sent)),
            ("reconnections", json!(self.tally.reconnections)),
            ("fresh_tokens_repeated", json!(self.repeated)),
            ("first_fault", json!(self.tally.first_fault)),
        ];
        object.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(object)
    }

    /// For people.
    pub(super) fn print(&self) {
        let calls = self.all.calls();
        let unfit = calls - self.all.right;
        if self.good() {
            say!("{GOOD}every call was answered as it must be{GOOD:#}");
        } else if calls == 0 {
            say!("{BAD}no call was made{BAD:#}");
        } else {
            let first = self.tally.first_fault.as_deref().unwrap_or_default();
            say!("{BAD}{unfit} of {calls} calls were not answered as they must be{BAD:#}  the first: {first}");
        }
        let a_second = |tally: &KindTally| (tally.right + tally.wrong) as f64 / self.seconds;
        say!("{BOLD}{:.0} calls a second{BOLD:#} answered", a_second(&self.all));
        let mut rows = vec![(
            "calls",
            format!(
                "{calls} in {} s, {} at once over {} connections",
                self.seconds, self.concurrency, self.connections
            ),
        )];
        let mut row = |name, value: String, wanted: bool| {
            if wanted {
                rows.push((name, value));
            }
        };
        row("latency", latency(&self.all.latency), !self.all.latency.is_empty());
        for (name, kind) in self.kinds() {
            let text = format!("{:.0} a second  {}", a_second(kind), latency(&kind.latency));
            row(name, text, self.kinds().count() > 1);
        }
        row("verdicts", counts(&self.tally.verdicts), !self.tally.verdicts.is_empty());
        row("wrong", self.all.wrong.to_string(), self.all.wrong > 0);
        row("errors", counts(&self.all.errors), !self.all.errors.is_empty());
        row("reasons", counts(&self.tally.reasons), !self.tally.reasons.is_empty());
        row(
            "refused",
            format!("{} calls  {}", self.tally.refused.len(), latency(&self.tally.refused)),
            !self.tally.refused.is_empty(),
        );
        let late = self.tally.not_sent;
        row("not sent in time", format!("{late} calls: too many were in flight when they were due"), late > 0);
        row("connections lost", self.tally.reconnections.to_string(), self.tally.reconnections > 0);
        let more = format!("used up, and sent again {} times; see --fresh-tokens", self.repeated);
        row("fresh tokens", more, self.repeated > 0);
        output::table(&rows);
    }
}

fn kind_json(tally: &KindTally, seconds: f64) -> Map<String, Value> {
    let quantiles = QUANTILES.iter().map(|(name, _, quantile)| ((*name).to_owned(), micros(&tally.latency, *quantile)));
    let mut latency: Map<String, Value> = quantiles.collect();
    latency.insert("max".to_owned(), micros(&tally.latency, 1.0));
    let rate = |calls: u64| json!((calls as f64 / seconds * 10.0).round() / 10.0);
    let pairs = [
        ("calls", json!(tally.calls())),
        ("calls_per_second", rate(tally.calls())),
        ("ok", json!(tally.right)),
        ("ok_per_second", rate(tally.right)),
        ("wrong", json!(tally.wrong)),
        ("errors", json!(tally.errors)),
        ("latency_us", Value::Object(latency)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A quantile in microseconds; null where nothing was measured.
fn micros(histogram: &Histogram<u64>, quantile: f64) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    json!((nanos(histogram, quantile) as f64 / 100.0).round() / 10.0)
}

fn nanos(histogram: &Histogram<u64>, quantile: f64) -> u64 {
    histogram.value_at_quantile(quantile).min(histogram.max())
}

fn latency(histogram: &Histogram<u64>) -> String {
    let quantiles = QUANTILES.map(|(_, name, quantile)| format!("{name} {}", time(nanos(histogram, quantile))));
    format!("{}  max {}", quantiles.join("  "), time(histogram.max()))
}

/// A time in nanoseconds, as people read it.
pub(super) fn time(nanos: u64) -> String {
    let nanos = nanos as f64;
    match () {
        () if nanos < 1e6 => format!("{:.0} µs", nanos / 1e3),
        () if nanos < 1e9 => format!("{:.2} ms", nanos / 1e6),
        () => format!("{:.2} s", nanos / 1e9),
    }
}

fn counts<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::{
        cli::{
            Failure,
            bench::{
                answer::{Answer, Failed, REFUSED},
                options::Load,
            },
        },
        transport::grpc::pb::Verdict,
    };

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        load: Load,
    }

    fn report(answers: &[Answer]) -> Report {
        let line = Line::try_parse_from(["bench", "--duration", "2s"]).unwrap();
        let plan = Plan::of(&line.load, Duration::ZERO).map_err(|Failure(text)| text).unwrap();
        let mut tally = Tally::new(false).unwrap();
        for answer in answers {
            tally.begin(Kind::Validate);
            tally.end(Kind::Validate, Duration::from_micros(250), answer);
        }
        Report::new(tally, &plan, 0).unwrap()
    }

    #[test]
    fn programs_find_every_number_under_its_name() {
        let refused = Failed { reason: "OVERLOADED".to_owned(), ..Failed::of(REFUSED, "too much".to_owned()) };
        let right = Answer::Right(Some(Verdict::Valid));
        let json = report(&[right.clone(), right, Answer::Failed(refused)]).json();
        for (pointer, wanted) in [
            ("/seconds", 2.0),
            ("/calls", 3.0),
            ("/calls_per_second", 1.5),
            ("/ok", 2.0),
            ("/wrong", 0.0),
            ("/errors/RESOURCE_EXHAUSTED", 1.0),
            ("/reasons/OVERLOADED", 1.0),
            ("/refused/calls", 1.0),
            ("/refused/p99_us", 250.0),
            ("/latency_us/p999", 250.0),
            ("/latency_us/max", 250.0),
            ("/kinds/validate/ok", 2.0),
            ("/kinds/validate/latency_us/p50", 250.0),
            ("/verdicts/VALID", 2.0),
            ("/connections", 4.0),
            ("/concurrency", 64.0),
            ("/not_sent_in_time", 0.0),
        ] {
            let found = json.pointer(pointer).and_then(Value::as_f64).unwrap_or(-1.0);
            // Times are kept to a thousandth.
            assert!((found - wanted).abs() <= wanted / 1000.0, "{pointer}: {found} in {json}");
        }
        assert!(json.pointer("/kinds/logout").is_none());
    }

    #[test]
    fn only_a_run_with_calls_and_right_answers_alone_is_good() {
        let right = Answer::Right(None);
        assert!(report(std::slice::from_ref(&right)).good());
        assert!(!report(&[]).good());
        assert!(!report(&[right.clone(), Answer::Wrong(None, "no".to_owned())]).good());
        assert!(!report(&[right, Answer::Failed(Failed::of(REFUSED, String::new()))]).good());
        assert_eq!(report(&[]).json().pointer("/latency_us/p50"), Some(&Value::Null));
    }

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!([900, 412_300, 4_560_000, 2_000_000_000].map(time), ["1 µs", "412 µs", "4.56 ms", "2.00 s"]);
    }
}
