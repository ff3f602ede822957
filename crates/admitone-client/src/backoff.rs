//! How long to wait before a retry.

/// Full jitter under a window that doubles, and what the gateway asked for beside it. In milliseconds.
///
/// `retry` counts from 1; `random` is in [0, 1).
#[must_use]
pub fn backoff_ms(retry: u32, base_ms: u64, cap_ms: u64, random: f64, retry_after_ms: u64) -> u64 {
    let doubled = 2_u64.saturating_pow(retry.saturating_sub(1)).saturating_mul(base_ms);
    retry_after_ms.saturating_add(fraction(random, cap_ms.min(doubled)))
}

/// The whole milliseconds of a random part of so many.
pub(crate) fn fraction(random: f64, milliseconds: u64) -> u64 {
    (random * milliseconds as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_up_to_its_cap_and_never_overflows() {
        let windows = [1, 2, 3, 4, 5, 64, 65, u32::MAX].map(|retry| backoff_ms(retry, 1_000, 10_000, 0.5, 0));
        assert_eq!(windows, [500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000]);
        assert_eq!(backoff_ms(1, 1_000, 10_000, 0.0, 7_000), 7_000, "what was asked for is waited in full");
        assert_eq!(backoff_ms(1, 1_000, 10_000, 0.9, u64::MAX), u64::MAX);
    }
}
