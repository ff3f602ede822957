//! Minting and renewing: what comes back, and why nothing does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::refusal::Refusal;
use crate::transport::TransportError;
use crate::url::{Url, UrlError};

/// Why no ticket was minted, no session renewed, or no token was to be had. The texts hold no ticket and no token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The application's own source of tokens failed.
    #[error("the application has no token: {0}")]
    Token(Arc<dyn std::error::Error + Send + Sync>),
    /// The token cannot stand in a header.
    #[error("the token is no visible ASCII")]
    TokenText,
    /// There is nowhere to connect to.
    #[error("there is no URL to connect to: set the option url")]
    NoUrl,
    /// The answer's `websocket_url` cannot be dialled.
    #[error("the gateway's websocket_url: {0}")]
    SocketUrl(#[from] UrlError),
    /// The gateway was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// It did not answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// A success that is none of the gateway's: what is missing.
    #[error("the answer has no proper {0}: is this the gateway's address?")]
    BadAnswer(&'static str),
    /// The gateway refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl MintError {
    /// The stable text of it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Token(_) | Self::TokenText => Code::TOKEN_FAILED,
            Self::NoUrl | Self::SocketUrl(_) => Code::INVALID_URL,
            Self::Transport(error) => error.code(Code::NETWORK),
            Self::Timeout(_) => Code::TIMEOUT,
            Self::BadAnswer(_) => Code::BAD_ANSWER,
            Self::Refused(refusal) => refusal.code.clone(),
        }
    }

    /// How long the gateway asked to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

/// A ticket that nobody has used yet: it admits one connection. Its secret is redacted in `Debug` and wiped when dropped.
pub struct Minted {
    ticket: Zeroizing<String>,
    /// The connection's public handle. Not a secret.
    pub session_id: String,
    /// From the answer on.
    pub expires_in: Duration,
    /// Unix seconds: when the login ends, and with it the connection unless it is renewed.
    pub login_expires_at: Option<i64>,
    /// Where to connect.
    pub websocket_url: Url,
}

impl Minted {
    /// Reads the body of a mint's 201. Fields that it does not know are ignored.
    ///
    /// # Errors
    ///
    /// [`MintError::BadAnswer`], naming the field and nothing of the answer, or [`MintError::SocketUrl`].
    pub fn read(body: &[u8]) -> Result<Self, MintError> {
        let answer = object(body)?;
        let is_word = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let ticket = text(&answer, "ticket")?;
        Ok(Self {
            ticket: Some(ticket).filter(is_word).ok_or(MintError::BadAnswer("ticket"))?.to_owned().into(),
            session_id: text(&answer, "session_id")?.to_owned(),
            expires_in: Duration::from_secs(number(&answer, "expires_in")?.try_into().unwrap_or_default()),
            login_expires_at: answer["login_expires_at"].as_i64(),
            websocket_url: Url::parse(text(&answer, "websocket_url")?)?,
        })
    }

    /// The secret itself, to be handed to one socket and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.ticket
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("session_id", &self.session_id)
            .field("expires_in", &self.expires_in)
            .field("websocket_url", &self.websocket_url)
            .finish_non_exhaustive()
    }
}

/// What a renewal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The connection's public handle.
    pub session_id: String,
    /// Unix seconds: when the connection ends now.
    pub expires_at: i64,
    /// From the answer on.
    pub expires_in: Duration,
}

impl Renewed {
    /// Reads the body of a renewal's 200, as [`Minted::read`] does.
    ///
    /// # Errors
    ///
    /// [`MintError::BadAnswer`].
    pub fn read(body: &[u8]) -> Result<Self, MintError> {
        let answer = object(body)?;
        Ok(Self {
            session_id: text(&answer, "session_id")?.to_owned(),
            expires_at: number(&answer, "expires_at")?,
            expires_in: Duration::from_secs(number(&answer, "expires_in")?.try_into().unwrap_or_default()),
        })
    }
}

fn object(body: &[u8]) -> Result<Value, MintError> {
    // The parser's message may quote the text.
    serde_json::from_slice(body).map_err(|_| MintError::BadAnswer("JSON"))
}

fn text<'a>(answer: &'a Value, field: &'static str) -> Result<&'a str, MintError> {
    answer[field].as_str().filter(|text| !text.is_empty()).ok_or(MintError::BadAnswer(field))
}

fn number(answer: &Value, field: &'static str) -> Result<i64, MintError> {
    answer[field].as_i64().ok_or(MintError::BadAnswer(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::CredentialKind;
    use crate::offer::Credential;
    use crate::source::Token;

    const MINTED: &str =
        r#"{"ticket":"adm1_SECRET","session_id":"s","expires_in":60,"websocket_url":"wss://gw/chat","new":1}"#;

    #[test]
    fn a_tickets_secret_is_neither_shown_nor_quoted_by_an_error() {
        let minted = Minted::read(MINTED.as_bytes()).expect("a ticket");
        assert_eq!((minted.expose(), &*minted.session_id), ("adm1_SECRET", "s"));
        let token = Token::new("SECRET").expect("a token");
        let credential = Credential::new(CredentialKind::Jwt, "SECRET");
        let shown = format!("{minted:?} {token:?} {credential:?}");
        assert!(!shown.contains("SECRET"), "{shown}");
        for (broken, missing) in [
            (MINTED.replace("60", "\"x\""), "expires_in"),
            (MINTED.replace("}", ""), "JSON"),
            (MINTED.replace("adm1_", "adm1 "), "ticket"),
            (MINTED.replace("\"s\"", "\"\""), "session_id"),
            ("<html>SECRET".to_owned(), "JSON"),
            ("[\"SECRET\"]".to_owned(), "ticket"),
        ] {
            let error = Minted::read(broken.as_bytes()).expect_err(missing);
            assert!(matches!(error, MintError::BadAnswer(field) if field == missing), "{missing}: {error}");
            assert!(!format!("{error} {error:?}").contains("SECRET"));
        }
        assert_eq!(Minted::read(MINTED.replace("wss", "ftp").as_bytes()).expect_err("ftp").code(), Code::INVALID_URL);
        assert!(matches!(Token::new("a b").expect_err("a space").code(), code if code == Code::TOKEN_FAILED));
    }
}
