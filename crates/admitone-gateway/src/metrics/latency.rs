use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper ends of the buckets, microseconds; the last one has no end.
pub const BOUNDS: [u64; 15] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000];

/// A histogram of times, from 50 µs to 2.5 s. Observing takes no lock.
#[derive(Clone, Debug, Default)]
pub struct Latency(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Latency {
    /// Something took this long.
    pub fn observe(&self, elapsed: Duration) {
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| bound * 1_000 < nanoseconds);
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.0.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        let ends = BOUNDS.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = ends.zip(counts).collect();
        let sum = self.0.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_time_counts_in_its_bucket_and_all_above() {
        let mut registry = Registry::default();
        let latency = Latency::default();
        registry.register("wait", "Waiting", latency.clone());
        for micros in [50, 51, 700, 60_000_000] {
            latency.observe(Duration::from_micros(micros));
        }
        let mut told = String::new();
        text::encode(&mut told, &registry).expect("memory");
        for line in [
            "wait_bucket{le=\"0.00005\"} 1",
            "wait_bucket{le=\"0.0001\"} 2",
            "wait_bucket{le=\"0.0005\"} 2",
            "wait_bucket{le=\"0.001\"} 3",
            "wait_bucket{le=\"2.5\"} 3",
            "wait_bucket{le=\"+Inf\"} 4",
            "wait_count 4",
            "wait_sum 60.000801",
        ] {
            assert!(told.lines().any(|told| told == line), "{line}: {told}");
        }
    }
}
