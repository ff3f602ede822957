use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;

use admitone_gateway::config::{Log, LogFormat, LogLevel};
use admitone_gateway::demo::{Addresses, Demo};
use admitone_gateway::log;

use super::{fail, shutdown, stdout_style};

pub(super) async fn run(host: IpAddr, port: u16, json: bool) -> ExitCode {
    let _log = log::start(&Log { format: LogFormat::Text, level: LogLevel::Info });
    let demo = match Demo::start(host, port).await {
        Ok(demo) => demo,
        Err(error) => return fail(error.exit_status(), &error.to_string()),
    };
    // Whoever reads the announcement may end it from then on.
    let requests = shutdown::listen();
    let announcement = if json { as_json(demo.addresses()) } else { as_text(demo.addresses(), port) };
    // Whoever closed the pipe does not need the line.
    let _ = writeln!(std::io::stdout(), "{announcement}");
    shutdown::run(demo.run(requests.first), requests.second).await
}

fn as_json(addresses: &Addresses) -> String {
    serde_json::to_string(addresses).unwrap_or_default()
}

fn as_text(addresses: &Addresses, wanted: u16) -> String {
    let strong = |text: &str| stdout_style("1", text);
    let faint = |text: &str| stdout_style("2", text);
    let busy = match addresses.page.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()) {
        Some(port) if wanted != 0 && wanted != port => faint(&format!("(port {wanted} was busy)")),
        _ => String::new(),
    };
    format!(
        "
  {title}

  page      {page} {busy}
  gateway   {gateway}   {g}
  issuer    {issuer}   {i}
  upstream  {upstream}   {u}
  operators {admin}   {o}

  {next}
    1. open {page} and sign in as Ada
    2. connect, send a prompt, and watch the five events arrive
    3. try the spent ticket again: it is refused, and the page says why
    4. open a second tab as Grace: neither sees the other's events
    5. sign out: the live socket closes
    6. watch all of it on the operators' page: {admin}
    7. see that it all works, in another terminal: admitone check --demo={page}

  Everything listens on this machine only and nothing is kept. Ctrl-C ends it.
",
        title = strong("AdmitOne demo: one ticket admits one connection"),
        page = stdout_style("1;4;36", &addresses.page),
        gateway = addresses.gateway,
        issuer = addresses.issuer,
        upstream = addresses.upstream,
        g = faint("mints, redeems, relays"),
        i = faint("DEVELOPMENT ONLY: logs anybody in as Ada or Grace"),
        u = faint("an agent chat; knows nothing of tickets"),
        admin = addresses.admin,
        o = faint(&format!("figures, sessions, audit; secret: {}", addresses.admin_secret)),
        next = strong("Try"),
    )
}
