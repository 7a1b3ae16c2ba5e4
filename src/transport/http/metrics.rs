//! `GET /metrics`: what is counted, in the text that Prometheus reads (OpenMetrics 1.0).

use std::{collections::HashMap, fmt, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, exemplar::Exemplar},
    registry::Registry,
};

use super::Desk;
use crate::{
    domain::{LogoutReason, Source, Timestamp},
    service::{Call, Curfew, Histogram, Outcome, Tally},
    token::Verdict,
};

/// The media type of the text.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What every name begins with.
const PREFIX: &str = "curfew";

/// All that is counted, as it is when it is asked for.
pub(super) async fn metrics(State(desk): State<Desk>) -> Response<Body> {
    let vitals = *desk.probes.borrow();
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Snapshot {
        curfew: Arc::clone(desk.calls.curfew()),
        now: desk.clock.now(),
        started: desk.started,
        ready: vitals.alive && vitals.ready,
    }));
    let mut written = String::new();
    let mut response = match text::encode(&mut written, &registry) {
        Ok(()) => Response::new(Body::from(written)),
        Err(fmt::Error) => {
            let mut response = Response::new(Body::from("the metrics could not be written\n"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
    };
    response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
    response
}

/// What is counted, at an instant.
struct Snapshot {
    curfew: Arc<Curfew>,
    now: Timestamp,
    started: Timestamp,
    ready: bool,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tallies = self.curfew.metrics().tallies();
        self.checks(&mut encoder, &tallies)?;
        self.logouts(&mut encoder)?;
        self.events(&mut encoder)?;
        self.state(&mut encoder)
    }
}

impl Snapshot {
    fn checks(&self, encoder: &mut DescriptorEncoder<'_>, tallies: &[Arc<Tally>]) -> fmt::Result {
        let mut family = family(encoder, "verdicts", "Tokens checked, by issuer and verdict.", MetricType::Counter)?;
        let issuers = self.curfew.issuers().all();
        let names = issuers.iter().map(|issuer| issuer.name.as_str()).enumerate();
        for (issuer, name) in names.map(|(number, name)| (Some(number), name)).chain([(None, "")]) {
            for verdict in Verdict::ALL {
                let count: u64 = tallies.iter().map(|tally| tally.verdicts(issuer, verdict)).sum();
                let verdict = format!("{verdict:?}");
                counter(&mut family, &[("issuer", name), ("verdict", &verdict)], count)?;
            }
        }
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|tally| of(tally)).sum::<u64>();
        single_counter(
            encoder,
            "ambiguous_refusals",
            "Tokens refused because their iat, in whole seconds, could not tell whether they came after the logout.",
            sum(Tally::ambiguous),
        )?;
        single_counter(
            encoder,
            "claims_ahead",
            "Tokens whose last-logout claim was later than any logout known here: a lost record, or an old backup.",
            sum(Tally::claims_ahead),
        )?;
        let text = "How long answers took, without the network; a settled logout waits for the next second.";
        let mut family = self::family(encoder, "call_duration_seconds", text, MetricType::Histogram)?;
        for call in Call::ALL {
            let histograms = tallies.iter().filter_map(|tally| tally.latencies(call));
            histogram(&mut family, &[("call", call.name())], histograms)?;
        }
        Ok(())
    }

    fn logouts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let metrics = self.curfew.metrics();
        let text = "Logouts recorded, by how they were heard of and why.";
        let mut family = family(encoder, "logouts", text, MetricType::Counter)?;
        for source in Source::ALL {
            for reason in LogoutReason::ALL {
                let count = metrics.logouts(source, reason);
                counter(&mut family, &[("source", source.name()), ("reason", &format!("{reason:?}"))], count)?;
            }
        }
        let text = "How long logouts went unknown that were reported after they happened.";
        let mut family = self::family(encoder, "logout_exposure_seconds", text, MetricType::Histogram)?;
        for source in Source::ALL {
            histogram(&mut family, &[("source", source.name())], metrics.exposures(source).into_iter())?;
        }
        Ok(())
    }

    fn events(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let metrics = self.curfew.metrics();
        let heard = || Source::ALL.into_iter().filter(|source| source.brings_events());
        let text = "Events that came in at the front desk, and what came of them.";
        let mut family = family(encoder, "events", text, MetricType::Counter)?;
        for source in heard() {
            for outcome in Outcome::ALL {
                let count = metrics.events(source, outcome);
                counter(&mut family, &[("source", source.name()), ("outcome", outcome.name())], count)?;
            }
        }
        let text = "Seconds since the last event that was not refused, or since the start if none came.";
        let mut family = self::family(encoder, "seconds_since_last_event", text, MetricType::Gauge)?;
        for source in heard() {
            let since = self.now.since(metrics.last_event(source).unwrap_or(self.started));
            gauge(&mut family, &[("source", source.name())], since.as_secs_f64())?;
        }
        let kept = self.curfew.dead_letters().list().len() as u64;
        single_gauge(encoder, "dead_letters", "Events that are kept because nothing could be made of them.", kept)
    }

    fn state(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let cache = self.curfew.cache_stats();
        single_counter(encoder, "token_cache_hits", "Tokens whose signature had been verified before.", cache.hits)?;
        single_counter(encoder, "token_cache_misses", "Tokens whose signature had to be verified.", cache.misses)?;
        single_gauge(encoder, "token_cache_tokens", "Verified tokens that are kept.", cache.tokens)?;
        single_gauge(encoder, "token_cache_bytes", "What they take.", cache.bytes)?;
        single_gauge(encoder, "revision", "The position of the last change.", self.curfew.revision().0)?;
        single_gauge(encoder, "cutoffs", "Scopes for which a logout is in force.", self.curfew.cutoffs() as u64)?;
        single_gauge(encoder, "ready", "Whether calls are answered.", u64::from(self.ready))
    }
}

fn family<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'e str,
    help: &str,
    kind: MetricType,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, kind)
}

fn counter(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], count: u64) -> fmt::Result {
    family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)
}

fn gauge(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: f64) -> fmt::Result {
    family.encode_family(&labels)?.encode_gauge(&value)
}

fn histogram<'h, const N: usize>(
    family: &mut MetricEncoder<'_>,
    labels: &[(&str, &str)],
    parts: impl Iterator<Item = &'h Histogram<N>>,
) -> fmt::Result {
    let mut buckets: Vec<(f64, u64)> = Vec::new();
    let (mut beyond, mut sum) = (0, 0.0);
    for (counts, more, seconds) in parts.map(Histogram::read) {
        buckets.resize(counts.len(), (0.0, 0));
        for (bucket, (bound, count)) in buckets.iter_mut().zip(counts) {
            *bucket = (bound, bucket.1 + count);
        }
        beyond += more;
        sum += seconds;
    }
    buckets.push((f64::INFINITY, beyond));
    let count = buckets.iter().map(|(_, count)| count).sum();
    let exemplars: Option<&HashMap<usize, Exemplar<NoLabelSet, f64>>> = None;
    family.encode_family(&labels)?.encode_histogram(sum, count, &buckets, exemplars)
}

fn single_counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    family(encoder, name, help, MetricType::Counter)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)
}

fn single_gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    family(encoder, name, help, MetricType::Gauge)?.encode_gauge(&value)
}
