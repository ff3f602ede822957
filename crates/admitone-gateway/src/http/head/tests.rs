use super::*;

fn read(text: &str) -> Result<Head, HeadError> {
    let length = Scan::default().advance(text.as_bytes())?.expect("a whole head");
    Head::parse(Bytes::copy_from_slice(&text.as_bytes()[..length]))
}

fn refused(lines: &str) -> HeadError {
    let text = format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n");
    read(&text).expect_err(&text)
}

#[test]
fn s19_one_framing_is_read_and_two_are_refused() {
    let framing = |lines: &str| read(&format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n")).expect(lines).framing;
    assert_eq!(framing(""), Framing::Length(0));
    assert_eq!(framing("Content-Length: 5\r\n"), Framing::Length(5));
    assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Framing::Chunked);

    assert_eq!(refused("Content-Length: 5\r\nTransfer-Encoding: chunked"), HeadError::TwoLengths);
    assert_eq!(refused("Content-Length: 5\r\nContent-Length: 5"), HeadError::TwoLengths);
    assert_eq!(refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), HeadError::Coding);
    for length in ["+5", "-5", "5, 5", "0x5", "", " ", "5 5", "18446744073709551616", "\u{663}"] {
        assert_eq!(refused(&format!("Content-Length: {length}")), HeadError::Length, "{length}");
    }
    for coding in ["gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;a=b", ""] {
        assert_eq!(refused(&format!("Transfer-Encoding: {coding}")), HeadError::Coding, "{coding}");
    }
    let old = read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(old.expect_err("HTTP/1.0 has no codings"), HeadError::Coding);
}

#[test]
fn s19_forbidden_bytes_and_folded_lines_are_refused() {
    for line in [
        "X-Folded: a\r\n b",
        "X-Cr: a\rb",
        "X-Nul: a\0b",
        "X Space: a",
        "X-Colon : a",
        ": a",
        "no colon",
        "X-Del: a\x7fb",
    ] {
        assert_eq!(refused(line), HeadError::Malformed, "{line:?}");
    }
    assert_eq!(refused("X-Lf: a\nX-More: b"), HeadError::LineEnd);
    for start in
        ["GET / HTTP/2.0", "GET  / HTTP/1.1", "GET /", "GET / HTTP/1.1 x", "G\u{e9}T / HTTP/1.1", "PRI * HTTP/2.0"]
    {
        assert!(read(&format!("{start}\r\nHost: x\r\n\r\n")).is_err(), "{start}");
    }
    assert_eq!(read("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n").expect_err("a fragment"), HeadError::Target);
}

#[test]
fn s19_a_body_that_has_no_meaning_is_refused() {
    for method in ["GET", "HEAD", "TRACE"] {
        for body in ["Content-Length: 1", "Transfer-Encoding: chunked"] {
            let text = format!("{method} / HTTP/1.1\r\nHost: x\r\n{body}\r\n\r\n");
            assert_eq!(read(&text).expect_err(&text), HeadError::Body);
        }
        assert!(read(&format!("{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")).is_ok());
    }
}

#[test]
fn a6_one_host_is_needed_and_it_is_one() {
    for host in ["x", "x:8443", "[::1]:80", "a-b.example", ""] {
        assert!(read(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).is_ok(), "{host}");
    }
    for host in ["a, b", "a b", "a/b", "a@b", "a?b", "a#b", "m\u{fc}nchen", "a\tb"] {
        let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(read(&text).expect_err(&text), HeadError::Host);
    }
    assert_eq!(read("GET / HTTP/1.1\r\nA: b\r\n\r\n").expect_err("none"), HeadError::Host);
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").expect_err("two"), HeadError::Host);
    assert!(read("GET / HTTP/1.0\r\n\r\n").is_ok());
}

#[test]
fn s33_a_heads_end_is_found_however_it_is_cut() {
    let text = b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nbehind";
    let head = text.len() - b"behind".len();
    let mut scan = Scan::default();
    for arrived in 0..head {
        assert_eq!(scan.advance(&text[..arrived]), Ok(None), "{arrived}");
    }
    assert_eq!(scan.advance(text), Ok(Some(head)));
    let parts = Head::parse(Bytes::from_static(&text[..head])).expect("a head").parts;
    assert_eq!((parts.method, parts.uri.path()), (Method::GET, "/"));
}

#[test]
fn a25_a_head_of_a_megabyte_in_single_bytes_costs_no_more_than_its_limit() {
    let mut arrived = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ".to_vec();
    let mut scan = Scan::default();
    let error = loop {
        arrived.push(b'x');
        match scan.advance(&arrived) {
            Ok(end) => assert_eq!(end, None),
            Err(error) => break error,
        }
        // What was looked at once is not looked at again.
        assert_eq!(scan.at, arrived.len());
    };
    assert_eq!((error, arrived.len()), (HeadError::TooLong, MAX_BYTES));
}

#[test]
fn a25_more_lines_than_are_read_are_refused_before_their_end() {
    let lines = |count: usize| "a: b\r\n".repeat(count);
    let mut scan = Scan::default();
    let endless = format!("GET / HTTP/1.1\r\nHost: x\r\n{}", lines(2000));
    assert_eq!(scan.advance(endless.as_bytes()), Err(HeadError::TooManyLines));
    assert!(read(&format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", lines(MAX_LINES - 1))).is_ok());
}
