//! Times as lines of the log and of the audit stream begin with.

use std::time::{SystemTime, UNIX_EPOCH};

/// Appends a time as RFC 3339 writes it, in UTC with milliseconds.
pub(crate) fn push_millis(text: &mut String, time: SystemTime) {
    push(text, time, |nanos| (nanos / 1_000_000, 3));
}

/// The same with microseconds.
pub(crate) fn push_micros(text: &mut String, time: SystemTime) {
    push(text, time, |nanos| (nanos / 1_000, 6));
}

/// Digit by digit: several lines begin like this for each connection. `fraction` says what of a second is written, in so many
/// digits.
fn push(text: &mut String, time: SystemTime, fraction: impl Fn(u32) -> (u32, u32)) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (fraction, width) = fraction(since.subsec_nanos());
    let parts = [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (second / 3600, 2, ':'),
        (second / 60 % 60, 2, ':'),
        (second % 60, 2, '.'),
        (u64::from(fraction), width, 'Z'),
    ];
    for (number, width, end) in parts {
        for place in (0..width).rev() {
            let digit = number / 10_u64.pow(place) % 10;
            text.push(char::from(b'0' + digit as u8));
        }
        text.push(end);
    }
}

/// Year, month and day of a number of days since 1970, counted in eras of 400 years that begin in March, so that the day which
/// some years have more is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + later, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_says() {
        for (millis, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_007, "2000-02-29T12:34:56.007Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            let (mut millis, mut micros) = (String::new(), String::new());
            push_millis(&mut millis, time);
            push_micros(&mut micros, time + Duration::from_micros(42));
            assert_eq!((millis.as_str(), micros), (written, written.replace('Z', "042Z")));
        }
    }
}
