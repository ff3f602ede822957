//! The container image, laid out as its build does and run as an engine would, in a root of its own as its user.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{read, repository, said};
use crate::client::{Connection, Request, soon};
use crate::ports;
use crate::tokens::{FOLDER, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE};

const USER: u32 = 65532;

/// The instructions of the image's last stage, and the `RUN` lines of the one before.
struct Containerfile {
    bases: Vec<String>,
    runs: Vec<String>,
    last: HashMap<String, String>,
}

fn containerfile() -> Containerfile {
    let mut file = Containerfile { bases: Vec::new(), runs: Vec::new(), last: HashMap::new() };
    for line in read("deploy/Containerfile").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (instruction, rest) = line.split_once(' ').expect("an instruction on one line");
        match instruction {
            "FROM" => {
                file.bases.push(rest.to_owned());
                file.last.clear();
            }
            "RUN" => file.runs.push(rest.to_owned()),
            "COPY" | "WORKDIR" | "USER" | "EXPOSE" | "STOPSIGNAL" | "ENTRYPOINT" | "CMD" => {
                file.last.insert(instruction.to_owned(), rest.to_owned());
            }
            _ => panic!("{instruction} is not among what this test understands"),
        }
    }
    file
}

/// The words of an instruction in exec form.
fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|_| panic!("not in exec form: {json}"))
}

/// A folder with the image's files, made by the very script that the image's build runs.
fn layout() -> PathBuf {
    let root = FOLDER.join("image");
    let _ = fs::remove_dir_all(&root);
    let run = containerfile().runs.pop().expect("a RUN that lays out");
    let (script, arguments) = run.split_once(' ').expect("a script with arguments");
    assert_eq!(arguments, "target/release/admitone /rootfs");
    said(Command::new(repository(script)).arg(env!("CARGO_BIN_EXE_admitone")).arg(&root));
    root
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_type().expect("its type").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the image's command in its root: as its user, or where this is not the superuser, in a namespace of its own.
fn start(root: &Path) -> Running {
    let is_superuser = fs::metadata("/proc/self").expect("of this process").uid() == 0;
    let mut command = Command::new(if is_superuser { "chroot" } else { "unshare" });
    match is_superuser {
        true => command.arg(format!("--userspec={USER}:{USER}")),
        false => command.args(["--map-root-user", "chroot"]),
    };
    let file = containerfile();
    command.arg(root).args(words(&file.last["ENTRYPOINT"])).args(words(&file.last["CMD"]));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null()).stdout(Stdio::null());
    Running(command.spawn().expect("chroot or unshare"))
}

#[test]
fn the_image_is_made_of_nothing_and_runs_as_nobody_in_particular() {
    let file = containerfile();
    let manifest = read("Cargo.toml");
    let release = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a Rust release");
    assert_eq!(file.bases[0], format!("docker.io/library/rust:{}-bookworm AS build", release.trim_matches('"')));
    assert_eq!(file.bases[1..], ["scratch".to_owned()]);
    assert_eq!(file.last["USER"], format!("{USER}:{USER}"));
    assert_eq!(file.last["STOPSIGNAL"], "SIGTERM");
    assert_eq!(file.last["COPY"], "--from=build /rootfs/ /");
    assert!(file.runs[0].starts_with("cargo build --release --locked --package admitone-gateway"), "{:?}", file.runs);
}

#[tokio::test]
async fn what_the_image_has_is_enough_to_serve_and_it_ends_when_it_is_asked_to() {
    let root = layout();
    let found = files(&root);
    assert!(found.len() < 12, "{found:?}");
    let (programs, libraries): (Vec<_>, Vec<_>) = found
        .iter()
        .filter(|file| !file.starts_with(root.join("etc")))
        .partition(|file| file.starts_with(root.join("usr/bin")));
    assert_eq!(programs, [&root.join("usr/bin/admitone")], "no shell, nothing else to run");
    assert!(libraries.iter().all(|file| file.to_string_lossy().contains(".so")), "{libraries:?}");

    let (port, upstream) = (ports::claim(), Upstream::echo().await);
    // A name, which the image has to be able to look up.
    let configuration = Lines::default().configuration(&format!("ws://upstream.test:{}/", upstream.address.port()));
    fs::write(root.join("etc/hosts"), "127.0.0.1 upstream.test\n").expect("a file");
    let configuration = configuration.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"127.0.0.1:{port}\""));
    let etc = root.join("etc/admitone");
    fs::write(etc.join("admitone.toml"), configuration).expect("a file");
    for name in ["issuer.pem", "legacy.secret", "ticket.key", "tags.key"] {
        fs::copy(FOLDER.join(name), etc.join(name)).expect("a file");
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(0o400)).expect("its mode");
        // Only the superuser may give files away; else the file's owner is who runs the image.
        let _ = chown(etc.join(name), Some(USER), Some(USER));
    }

    let mut running = start(&root);
    let address = ([127, 0, 0, 1], port).into();
    soon("it listens", async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let mut connection = Connection::open(address).await;
    connection.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")).json("{}").text()).await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let minted = answer.json();
    let mut socket = Connection::open(address).await;
    let ticket = minted["ticket"].as_str().expect("a ticket");
    socket.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket).text()).await;
    assert_eq!(socket.answer().await.status, 101);
    socket.echo("from within the image").await;
    let id = running.0.id();
    let owner = fs::metadata(format!("/proc/{id}")).expect("a running process").uid();
    assert_ne!(owner, 0, "it runs as the superuser");

    said(Command::new("kill").args(["-TERM", &id.to_string()]));
    let status = tokio::task::spawn_blocking(move || running.0.wait()).await.expect("a wait").expect("its end");
    assert_eq!(status.code(), Some(0));
}

/// What the build is sent leaves out what may be large or secret there.
#[test]
fn the_build_is_not_sent_what_it_does_not_need() {
    let ignored = read(".dockerignore");
    for name in [".git", "**/target", "**/node_modules"] {
        assert!(ignored.lines().any(|line| line == name), "{name}");
    }
}
