use http::HeaderValue;

/// What one hop tells the next of a trace (W3C Trace Context, version 00).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: u128,
    /// The span that asks.
    pub(super) span: u64,
    /// Whether those before have told of it.
    pub(super) is_sampled: bool,
}

impl Context {
    /// Reads `traceparent`. Of a version to come, what is of this one counts.
    pub(super) fn read(value: &HeaderValue) -> Option<Self> {
        let mut parts = value.to_str().ok()?.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_known = version == "00";
        if version.len() != 2 || version == "ff" || (is_known && parts.next().is_some()) {
            return None;
        }
        let trace = hex(trace, 32)?;
        let span = u64::try_from(hex(span, 16)?).ok()?;
        hex(version, 2)?;
        let flags = hex(flags, 2)?;
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }

    pub(super) fn written(self) -> HeaderValue {
        let Self { trace, span, is_sampled } = self;
        let text = format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(is_sampled));
        // Digits and hyphens are header text.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_lower = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (text.len() == digits && is_lower).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(text: &str) -> Option<Context> {
        Context::read(&HeaderValue::from_str(text).expect("header text"))
    }

    #[test]
    fn a_context_is_read_and_written_alike() {
        let context = read(TEXT).expect("a context");
        assert_eq!((context.span, context.is_sampled), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(context.written(), TEXT);
        assert!(!read(&TEXT.replace("-01", "-00")).expect("a context").is_sampled);
        assert_eq!(read(&format!("cc{}-more", &TEXT[2..])), Some(context), "of a version to come");
    }

    #[test]
    fn what_is_none_is_not_taken_for_one() {
        for text in [
            "",
            "00",
            &TEXT[..TEXT.len() - 3],
            &format!("{TEXT}-x"),
            &TEXT.replace("00-", "ff-"),
            &TEXT.to_uppercase(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
