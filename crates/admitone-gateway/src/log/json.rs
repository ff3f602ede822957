use std::fmt::{self, Debug, Write};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::timestamp;

/// Most lines are no longer than this.
const USUAL_LENGTH: usize = 512;

/// One JSON object for each event: `timestamp`, `level`, and its fields beside them.
///
/// Written straight into a text of its own: there are several for each connection, and what is handed on for each part of a
/// line costs more than the part.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::with_capacity(USUAL_LENGTH);
        line.push_str("{\"timestamp\":\"");
        timestamp::push_micros(&mut line, SystemTime::now());
        line.push_str("\",\"level\":\"");
        line.push_str(event.metadata().level().as_str());
        line.push('"');
        let mut fields = Fields { line: &mut line, written: Ok(()) };
        event.record(&mut fields);
        fields.written?;
        line.push_str("}\n");
        writer.write_str(&line)
    }
}

struct Fields<'a, W> {
    line: &'a mut W,
    /// How it went so far: nothing is written after a failure.
    written: fmt::Result,
}

impl<W: Write> Fields<'_, W> {
    fn field(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        self.written = self.written.and_then(|()| {
            self.line.write_str(",\"")?;
            self.line.write_str(field.name())?;
            self.line.write_str("\":")?;
            value(self.line)
        });
    }

    fn text(&mut self, field: &Field, value: impl FnOnce(&mut Escaped<'_, W>) -> fmt::Result) {
        self.field(field, |line| {
            line.write_char('"')?;
            value(&mut Escaped(line))?;
            line.write_char('"')
        });
    }
}

impl<W: Write> Visit for Fields<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |line| line.write_str(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, |line| write!(line, "{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |line| write!(line, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |line| write!(line, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |line| write!(line, "{value}"));
    }

    /// JSON has neither infinities nor NaN.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, |line| if value.is_finite() { write!(line, "{value}") } else { line.write_str("null") });
    }
}

/// The inside of a JSON string (RFC 8259 §7). Other control characters than JSON asks for are escaped too: a terminal that
/// shows the log obeys none of them.
struct Escaped<'a, W>(&'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // All of it, without stopping: so the compiler looks at many bytes at a time.
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\');
        if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|character| match character {
            '"' => self.0.write_str("\\\""),
            '\\' => self.0.write_str("\\\\"),
            '\n' => self.0.write_str("\\n"),
            control if control.is_control() => write!(self.0, "\\u{:04x}", u32::from(control)),
            other => self.0.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).event_format(JsonLines).finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = kept.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn a_line_is_an_object_with_the_events_fields() {
        let line = logged(|| {
            tracing::warn!(text = "a", number = 7_u64, below = -1, flag = true, part = 0.5, none = f64::NAN, shown = %"b", "said {}", 1);
        });
        let mut object: Value = serde_json::from_str(&line).expect("JSON");
        let timestamp = object.as_object_mut().and_then(|fields| fields.remove("timestamp")).expect("a timestamp");
        assert!(timestamp.as_str().is_some_and(|time| time.len() == 27 && time.ends_with('Z')), "{timestamp}");
        assert_eq!(
            object,
            json!({
                "level": "WARN", "message": "said 1", "text": "a", "number": 7, "below": -1, "flag": true, "part": 0.5,
                "none": null, "shown": "b",
            })
        );
        assert!(line.ends_with("}\n"));
    }

    #[test]
    fn a30_nothing_in_a_value_leaves_its_string_or_commands_a_terminal() {
        let hostile = "\"}\n{\"level\":\"ERROR\"}\u{1b}[31m\\\r\0\t\u{7f}\u{9b}31m\u{e9}\u{1f980}";
        let line = logged(|| tracing::info!(text = hostile, shown = %hostile, debug = ?hostile, "{hostile}"));
        assert_eq!(line.trim_end().chars().find(|character| character.is_control()), None, "{line:?}");
        let object: Value = serde_json::from_str(&line).expect("one object");
        assert_eq!(
            (&object["text"], &object["shown"], &object["message"]),
            (&json!(hostile), &json!(hostile), &json!(hostile))
        );
        assert_eq!(object["debug"], format!("{hostile:?}"));
        assert_eq!(object["level"], "INFO");
    }
}
