//! Numbers to text, as Prometheus reads it.
//!
//! In: metrics with their samples, in the order in which they are to stand. Out: the text format of Prometheus or that of
//! `OpenMetrics`, whichever the client prefers. Times come in microseconds and go out in seconds.

use std::{borrow::Cow, fmt};

use actix_web::http::header::{self, HeaderMap};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};
use sluice_store::HistogramReading;

use super::declared::Metric;

#[cfg(test)]
mod tests;

/// What the names of all metrics begin with.
const PREFIX: &str = "sluice";

/// Labels of a sample, by name.
pub(crate) type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// What is told under one set of labels.
#[derive(Debug)]
pub(crate) enum Value {
    /// A count, a number of bytes, or a whole number of seconds.
    Whole(u64),
    /// Anything else.
    Real(f64),
    /// Sizes, or times in microseconds.
    Histogram(HistogramReading),
}

/// A form of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Of Prometheus, version 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What a client prefers. One that wants neither gets that of Prometheus: it can be read without any program.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (mut prometheus, mut open_metrics) = (0.0, 0.0);
        let lists = headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
        for range in lists.flat_map(|list| list.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
            let quality = quality.unwrap_or(0.0);
            if media.eq_ignore_ascii_case("application/openmetrics-text") {
                open_metrics = quality.max(open_metrics);
            } else if media.eq_ignore_ascii_case("text/plain") || media.eq_ignore_ascii_case("text/*") {
                prometheus = quality.max(prometheus);
            }
        }
        if prometheus < open_metrics { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// Its content type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Metrics on their way to text.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    families: Vec<(Metric, Vec<(Labels, Value)>)>,
}

impl Exposition {
    /// Adds a metric with all its samples, whose labels differ.
    pub(crate) fn add(&mut self, metric: Metric, samples: impl IntoIterator<Item = (Labels, Value)>) {
        self.families.push((metric, samples.into_iter().collect()));
    }

    /// Adds a metric that has no labels.
    pub(crate) fn add_one(&mut self, metric: Metric, value: Value) {
        self.add(metric, [(vec![], value)]);
    }

    /// Writes the text.
    ///
    /// # Errors
    ///
    /// None that is known: the text is written to memory.
    pub(crate) fn write(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(self));
        let mut written = String::new();
        match format {
            Format::Prometheus => prometheus_text::encode(&mut written, &registry)?,
            Format::OpenMetrics => text::encode(&mut written, &registry)?,
        }
        Ok(written)
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (metric, samples) in &self.families {
            let Metric { kind, name, unit, help } = metric;
            let mut encoder = encoder.encode_descriptor(name, help, *unit, *kind)?;
            for (labels, value) in samples {
                if *kind == MetricType::Info {
                    encoder.encode_info(labels)?;
                } else if labels.is_empty() {
                    encode(value, metric, &mut encoder)?;
                } else {
                    encode(value, metric, &mut encoder.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn encode(value: &Value, metric: &Metric, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    let is_counter = metric.kind == MetricType::Counter;
    match value {
        Value::Whole(number) if is_counter => encoder.encode_counter::<NoLabelSet, _, u64>(number, None),
        Value::Real(number) if is_counter => encoder.encode_counter::<NoLabelSet, _, u64>(number, None),
        Value::Whole(number) => encoder.encode_gauge(number),
        Value::Real(number) => encoder.encode_gauge(number),
        Value::Histogram(reading) => {
            let is_time = metric.unit == Some(&Unit::Seconds);
            let scaled = |number: u64| if is_time { seconds(number) } else { real(number) };
            let bounds = reading.bounds.iter().map(|bound| scaled(*bound)).chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(reading.counts.iter().copied()).collect();
            let count = reading.counts.iter().sum();
            encoder.encode_histogram::<NoLabelSet>(scaled(reading.sum), count, &buckets, None)
        }
    }
}

/// Microseconds as seconds.
pub(crate) fn seconds(microseconds: u64) -> f64 {
    real(microseconds) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "what is told is a float, and 53 bits are enough to see by")]
fn real(number: u64) -> f64 {
    number as f64
}
