use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};

/// How long an answer stays the same, as its `Cache-Control` says (RFC 9111 §5.2.2), less what it has aged on its way. Zero
/// where it is not to be kept, `None` where nothing usable is said.
#[must_use]
pub fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut seconds = None;
    for line in headers.get_all(CACHE_CONTROL) {
        for directive in line.to_str().unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(Duration::ZERO),
                // The shortest of several.
                "max-age" => seconds = read_seconds(value).into_iter().chain(seconds).min(),
                _ => {}
            }
        }
    }
    let age = headers.get(AGE).and_then(|age| read_seconds(age.to_str().ok()?)).unwrap_or(0);
    seconds.map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

fn read_seconds(text: &str) -> Option<u64> {
    let text = text.trim().trim_matches('"');
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Longer than any number that fits is still long.
    Some(text.parse().unwrap_or(u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[(&'static str, &str)]) -> Option<u64> {
        let lines = lines.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
        max_age(&lines.collect::<HeaderMap>()).map(|age| age.as_secs())
    }

    #[test]
    fn an_answer_says_how_long_it_stays_the_same() {
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("cache-control", "public, Max-Age=300, must-revalidate")]), Some(300));
        assert_eq!(told(&[("cache-control", "max-age=\"60\"")]), Some(60));
        assert_eq!(told(&[("cache-control", "max-age=300"), ("age", "100")]), Some(200));
        assert_eq!(told(&[("cache-control", "max-age=300"), ("age", "400")]), Some(0));
        assert_eq!(told(&[("cache-control", "max-age=300, max-age=10")]), Some(10));
        assert_eq!(told(&[("cache-control", "max-age=99999999999999999999999")]), Some(u64::from(u32::MAX)));
        for nothing in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "s-maxage=5", "private"] {
            assert_eq!(told(&[("cache-control", nothing)]), None, "{nothing}");
        }
        for refusal in ["no-store", "max-age=300, no-cache", "private, NO-STORE"] {
            assert_eq!(told(&[("cache-control", refusal)]), Some(0), "{refusal}");
        }
    }
}
