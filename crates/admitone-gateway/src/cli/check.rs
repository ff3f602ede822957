//! `admitone check`: a configuration, offline, or the golden path of a running deployment.

mod configuration;
mod demo;
mod printing;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use admitone_gateway::check::{Talk, Target, check};
use admitone_gateway::fetch::{Fetch, Limits, Reach, Url};
use admitone_gateway::upstream::tls_config;
use clap::Args;
use tokio::signal::ctrl_c;

use super::connect::read_token;
use super::fail;
use demo::Demo;
use printing::{print, print_briefly};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// What to check, and how.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The socket, such as wss://gw.example.com/chat
    #[arg(required_unless_present_any = ["config", "demo"], requires = "token_file")]
    url: Option<String>,
    /// Check this configuration, and start nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "demo", "token_file", "watch", "idle"])]
    config: Option<PathBuf>,
    /// Check a running `admitone demo`, by its page's URL (http://127.0.0.1:8080)
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "http://127.0.0.1:8080",
          conflicts_with_all = ["url", "token_file", "gateway", "origin"])]
    demo: Option<String>,
    /// The login's token; read again for every round
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Play the page of this origin; without it, a native client
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Where tickets are minted, if not at the socket's own host
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,
    /// Where /healthz and /readyz are, if not where tickets are minted
    #[arg(long, value_name = "URL")]
    health: Option<String>,
    /// A subprotocol of the application's; may be given several times
    #[arg(long, value_name = "NAME")]
    protocol: Vec<String>,
    /// Say this on the socket; without --expect it has to come back
    #[arg(long, value_name = "TEXT")]
    say: Option<String>,
    /// What has to stand in an answer to --say
    #[arg(long, value_name = "TEXT", requires = "say")]
    expect: Option<String>,
    /// Say nothing: an upstream's Pong to a Ping is enough
    #[arg(long, conflicts_with = "say")]
    ping: bool,
    /// Hold a socket idle for so long, too, and see that it still works
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle: Option<u64>,
    /// Go on, every so many (30) seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "30",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
    /// Authorities to trust in place of Mozilla's, PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print one line of JSON for each round
    #[arg(long)]
    json: bool,
    /// Let ticket and token go over a network unencrypted
    #[arg(long)]
    danger_plaintext: bool,
}

/// A target, and where its login comes from.
struct Errand {
    target: Target,
    login: Login,
}

enum Login {
    File(PathBuf),
    Demo(Demo),
}

impl Check {
    pub(super) async fn run(self) -> ExitCode {
        if let Some(path) = &self.config {
            return configuration::check(path, self.json);
        }
        let errand = match self.errand().await {
            Ok(errand) => errand,
            Err(message) => return fail(2, &message),
        };
        match self.watch {
            None => self.once(&errand).await,
            Some(seconds) => self.again_and_again(&errand, Duration::from_secs(seconds)).await,
        }
    }

    async fn once(&self, errand: &Errand) -> ExitCode {
        match errand.login.token().await {
            Ok(token) => {
                let report = check(&errand.target, &token).await;
                print(&report, self.json);
                ExitCode::from(u8::from(!report.ready))
            }
            Err(message) => fail(2, &message),
        }
    }

    /// The exit status is that of the last round.
    async fn again_and_again(&self, errand: &Errand, pause: Duration) -> ExitCode {
        let mut status = 0;
        loop {
            let round = async {
                match errand.login.token().await {
                    Ok(token) => {
                        let report = check(&errand.target, &token).await;
                        print_briefly(&report, self.json);
                        status = u8::from(!report.ready);
                    }
                    Err(message) => {
                        fail(2, &message);
                        status = 2;
                    }
                }
                tokio::time::sleep(pause).await;
            };
            tokio::select! {
                () = round => {}
                _ = ctrl_c() => return ExitCode::from(status),
            }
        }
    }

    async fn errand(&self) -> Result<Errand, String> {
        let fetch = self.fetch()?;
        if let Some(page) = &self.demo {
            let demo = Demo::at(&fetch, page).await?;
            let url = demo.socket();
            let target = self.target(fetch, &url, Some(demo.gateway.clone()), Some(demo.page.clone()))?;
            return Ok(Errand { target, login: Login::Demo(demo) });
        }
        let url = self.url.as_deref().unwrap_or_default();
        let target = self.target(fetch, url, self.gateway.clone(), self.origin.clone())?;
        Ok(Errand { target, login: Login::File(self.token_file.clone().unwrap_or_default()) })
    }

    fn target(
        &self,
        fetch: Fetch,
        url: &str,
        gateway: Option<String>,
        origin: Option<String>,
    ) -> Result<Target, String> {
        let (socket, route) = read_socket_url(url)?;
        let gateway = gateway.map_or_else(|| Ok(socket.clone()), |text| read_origin("--gateway", &text))?;
        let health =
            self.health.as_deref().map_or_else(|| Ok(gateway.clone()), |text| read_origin("--health", text))?;
        let talk = match (&self.say, self.ping) {
            (Some(say), _) => Talk::Text { say: say.clone(), expect: self.expect.clone() },
            (None, true) => Talk::Ping,
            (None, false) => Talk::EventsOrEcho,
        };
        let (protocols, idle) = (self.protocol.clone(), self.idle.map(Duration::from_secs));
        Ok(Target { gateway, health, socket, route, origin, protocols, talk, idle, fetch })
    }

    fn fetch(&self) -> Result<Fetch, String> {
        let authorities = match &self.ca_file {
            Some(path) => Some(
                std::fs::read(path).map_err(|error| format!("--ca-file: cannot read {}: {error}", path.display()))?,
            ),
            None => None,
        };
        let tls = tls_config(authorities.as_deref()).map_err(|error| format!("--ca-file: {error}"))?;
        let reach = Reach { danger_http: self.danger_plaintext, ..Reach::anywhere() };
        Ok(Fetch::new(tls, reach, Limits { time: ANSWER, ..Limits::default() }))
    }
}

impl Login {
    async fn token(&self) -> Result<String, String> {
        match self {
            Self::File(path) => read_token(path).map_err(|error| format!("--token-file: {error}")),
            Self::Demo(demo) => demo.token().await,
        }
    }
}

/// The origin of a socket's URL, for requests, and its path.
fn read_socket_url(text: &str) -> Result<(Url, String), String> {
    // Not the text: a URL may hold a credential.
    let wrong = |what: &str| format!("URL: {what}; it looks like wss://gw.example.com/chat");
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "wss" | "https" => "https",
        "ws" | "http" => "http",
        _ => return Err(wrong("its scheme is neither wss nor ws")),
    };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    if path.contains(['?', '#']) {
        return Err(wrong("a query or fragment is no part of a route"));
    }
    let origin = Url::parse(&format!("{scheme}://{authority}")).map_err(|error| wrong(&error.to_string()))?;
    Ok((origin, path.to_owned()))
}

fn read_origin(name: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim_end_matches('/'));
    url.map_err(|error| format!("{name}: {error}; it looks like https://gw.example.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sockets_url_has_an_origin_and_a_route() {
        let read = |text| read_socket_url(text).map(|(origin, route)| (origin.as_str().to_owned(), route));
        for (text, origin, route) in [
            ("wss://gw.example.com/chat", "https://gw.example.com", "/chat"),
            ("ws://127.0.0.1:8080/a/b", "http://127.0.0.1:8080", "/a/b"),
            ("https://[::1]:8443", "https://[::1]:8443", "/"),
        ] {
            assert_eq!(read(text), Ok((origin.to_owned(), route.to_owned())), "{text}");
        }
        for text in ["gw.example.com/chat", "ftp://x/", "ws://x/chat?ticket=1", "ws://ada:secret@x/", "ws:///chat"] {
            let told = read(text).expect_err(text);
            assert!(told.starts_with("URL: ") && !told.contains("secret"), "{told}");
        }
    }
}
