//! As little HTTP/1.1 as a load needs.

use serde_json::Value;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway::ROUTE;
use crate::token::ORIGIN;
use crate::{Failure, token};

const MAX_HEADERS: usize = 48;

/// A kept-alive connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer that has arrived whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: std::ops::Range<usize>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(4096) })
    }

    /// Sends a request as it is and reads the whole answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the server hung up in the middle of an answer".into());
            }
            if let Some(answer) = whole(&self.read)? {
                return Ok(answer);
            }
        }
    }

    /// The body of the answer that was read last.
    pub(crate) fn body(&self, answer: &Answer) -> &[u8] {
        &self.read[answer.body.clone()]
    }

    /// Mints one ticket.
    pub(crate) async fn mint(&mut self, request: &[u8]) -> Result<String, Failure> {
        let answer = self.send(request).await?;
        let body = self.body(&answer);
        if answer.status != 201 {
            return Err(format!("a mint was answered {}: {}", answer.status, String::from_utf8_lossy(body)).into());
        }
        let fields: Value = serde_json::from_slice(body)?;
        Ok(fields["ticket"].as_str().ok_or("a mint's answer has no ticket")?.to_owned())
    }
}

/// The mint request of the subject with this number.
pub(crate) fn mint_request(number: usize) -> Result<Vec<u8>, Failure> {
    Ok(mint_request_with(&token::access(number)?, ROUTE))
}

/// The same for a route.
pub(crate) fn mint_request_for(number: usize, route: &str) -> Result<Vec<u8>, Failure> {
    Ok(mint_request_with(&token::access(number)?, route))
}

/// The mint request with a token, for a route.
pub(crate) fn mint_request_with(token: &str, route: &str) -> Vec<u8> {
    let body = format!("{{\"route\":\"{route}\"}}");
    let request = format!(
        "POST /auth/ticket HTTP/1.1\r\nHost: gateway.example.com\r\nOrigin: {ORIGIN}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    request.into_bytes()
}

/// The request that logs the subject with this number out everywhere.
pub(crate) fn logout_request(number: usize) -> Result<Vec<u8>, Failure> {
    let body = r#"{"everywhere":true}"#;
    let request = format!(
        "POST /auth/logout HTTP/1.1\r\nHost: gateway.example.com\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token::access(number)?,
        body.len()
    );
    Ok(request.into_bytes())
}

/// `None` while something is missing.
fn whole(bytes: &[u8]) -> Result<Option<Answer>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize =
        length.map_or(Ok(0), |header| std::str::from_utf8(header.value)?.parse().map_err(Failure::from))?;
    let status = response.code.unwrap_or_default();
    Ok((bytes.len() >= head + length).then_some(Answer { status, body: head..head + length }))
}
