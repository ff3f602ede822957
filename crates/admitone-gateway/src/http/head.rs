//! A request's head, read strictly (RFC 9112): what two readers could understand differently is refused.
//!
//! No I/O: [`Scan`] finds where a head ends in what has arrived so far, [`Head::parse`] reads it once it is whole.

#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request, Uri, Version};

/// Most bytes of a head: the longest token that is read, and room for the rest.
pub(super) const MAX_BYTES: usize = 32 * 1024;

/// Most header lines.
pub(super) const MAX_LINES: usize = 100;

/// Why a head is not read. Nothing behind it can be read either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// More bytes than are read.
    #[error("the request's head is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More lines than are read.
    #[error("the request has more than {MAX_LINES} header lines")]
    TooManyLines,
    /// A line ends without a carriage return.
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// Not the form of RFC 9112: a forbidden byte, a folded line, white space before a colon.
    #[error("the request is not HTTP/1.1 as RFC 9112 has it")]
    Malformed,
    /// The target is no URI.
    #[error("the request's target is not a URI")]
    Target,
    /// `Host` is missing, stands twice, or is no host.
    #[error("one Host is needed, and it has to be one")]
    Host,
    /// Two ways to tell where the body ends.
    #[error("the body's length is said twice")]
    TwoLengths,
    /// `Content-Length` is no number.
    #[error("Content-Length is not a number")]
    Length,
    /// Another transfer coding than `chunked` alone.
    #[error("Transfer-Encoding is not chunked alone, or the request is not HTTP/1.1")]
    Coding,
    /// A body where none has a meaning.
    #[error("a request with this method has no body")]
    Body,
}

impl HeadError {
    /// Whether the head is too large, rather than wrong.
    pub(crate) const fn is_too_large(self) -> bool {
        matches!(self, Self::TooLong | Self::TooManyLines)
    }
}

/// The search for a head's end: every byte is looked at once, however small the pieces are that it arrives in.
#[derive(Debug, Default)]
pub(super) struct Scan {
    at: usize,
    line: usize,
    lines: usize,
}

impl Scan {
    /// The length of the head that `bytes` begin with, its empty line included; `None` while it is incomplete. `bytes` are
    /// all that has arrived, each time.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, HeadError> {
        while let Some(offset) = memchr::memchr(b'\n', &bytes[self.at..]) {
            let end = self.at + offset;
            if end == self.line || bytes[end - 1] != b'\r' {
                return Err(HeadError::LineEnd);
            }
            let is_empty = end - 1 == self.line;
            self.at = end + 1;
            self.line = self.at;
            // Empty lines before the first are passed over (RFC 9112 §2.2).
            if is_empty && self.lines > 0 {
                return if self.at > MAX_BYTES { Err(HeadError::TooLong) } else { Ok(Some(self.at)) };
            }
            self.lines += usize::from(!is_empty);
            if self.lines > MAX_LINES + 1 {
                return Err(HeadError::TooManyLines);
            }
        }
        self.at = bytes.len();
        if self.at >= MAX_BYTES { Err(HeadError::TooLong) } else { Ok(None) }
    }
}

/// How a request says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes; none without a body.
    Length(u64),
    Chunked,
}

/// A whole head.
#[derive(Debug)]
pub(super) struct Head {
    /// As it arrived.
    pub(super) bytes: Bytes,
    pub(super) parts: Parts,
    pub(super) framing: Framing,
}

impl Head {
    /// Reads a head that [`Scan`] found the end of. The header values share its memory.
    pub(super) fn parse(bytes: Bytes) -> Result<Self, HeadError> {
        let mut lines = [const { MaybeUninit::uninit() }; MAX_LINES];
        let mut read = httparse::Request::new(&mut []);
        match read.parse_with_uninit_headers(&bytes, &mut lines) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyLines),
            Ok(_) | Err(_) => return Err(HeadError::Malformed),
        }
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.version = if read.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
        parts.method =
            read.method.and_then(|name| Method::from_bytes(name.as_bytes()).ok()).ok_or(HeadError::Malformed)?;
        parts.uri = target(&bytes, read.path.unwrap_or_default())?;
        parts.headers = header_map(&bytes, read.headers)?;
        check_host(parts.version, &parts.headers)?;
        let framing = framing(parts.version, &parts.headers)?;
        if framing != Framing::Length(0) && matches!(parts.method, Method::GET | Method::HEAD | Method::TRACE) {
            return Err(HeadError::Body);
        }
        Ok(Self { bytes, parts, framing })
    }
}

/// A fragment is never sent (RFC 9112 §3.2).
fn target(head: &Bytes, path: &str) -> Result<Uri, HeadError> {
    if path.contains('#') {
        return Err(HeadError::Target);
    }
    Uri::from_maybe_shared(head.slice_ref(path.as_bytes())).map_err(|_| HeadError::Target)
}

fn header_map(head: &Bytes, read: &[httparse::Header<'_>]) -> Result<HeaderMap, HeadError> {
    let mut headers = HeaderMap::with_capacity(read.len());
    for line in read {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| HeadError::Malformed)?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(line.value)).map_err(|_| HeadError::Malformed)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// RFC 9112 §3.2.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), HeadError> {
    let mut lines = headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) if version == Version::HTTP_10 => Ok(()),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        _ => Err(HeadError::Host),
    }
}

pub(super) fn is_host(text: &[u8]) -> bool {
    text.iter().all(|byte| is_of_host(*byte))
}

/// RFC 3986 §3.2.2 and §3.2.3, without the comma, which a list of two hosts would have.
const fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'.' | b'-'
                | b'_'
                | b'~'
                | b':'
                | b'['
                | b']'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        )
}

/// RFC 9112 §6: one length or `chunked`, and no room for another reading.
fn framing(version: Version, headers: &HeaderMap) -> Result<Framing, HeadError> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Length(0)),
        (Some(length), None) if lengths.next().is_none() => read_length(length.as_bytes()),
        (None, Some(coding)) if codings.next().is_none() && version == Version::HTTP_11 => {
            if coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::Chunked)
            } else {
                Err(HeadError::Coding)
            }
        }
        (None, Some(_)) => Err(HeadError::Coding),
        (Some(_), _) => Err(HeadError::TwoLengths),
    }
}

/// Digits and nothing else: no sign, no list, no more than fits.
fn read_length(text: &[u8]) -> Result<Framing, HeadError> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok()).ok_or(HeadError::Length)?;
    Ok(Framing::Length(length))
}
