//! Key files: made, and put into a configuration.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aws_lc_rs::rand;
use clap::Subcommand;
use toml::de::{DeTable, DeValue};

use super::{fail, stdout_style};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Writes a new random key of 32 bytes, as 64 hexadecimal digits, into a file that only you can read
    #[command(
        after_help = "For tickets.keys, tickets.tag_secret_file and admin.secret_file alike, but never the same file for two.\n\
                            Exit status: 0 when it is written, 1 when not. A file that is there already is left as it is."
    )]
    Generate {
        /// The file to make
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Makes the next key that signs tickets, and says how to put it into the configuration
    #[command(
        after_help = "The key file stands beside the configuration. Nothing else is changed without --apply, which puts the new key \
                            in front of the others: right for a single gateway. Several gateways need it behind the others first, \
                            everywhere, so that all of them verify what one of them signs. A gateway reads these keys when it \
                            starts; a reload changes none.\n\
                            Exit status: 0 when it is done, 1 when not."
    )]
    Rotate {
        /// The configuration, TOML
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Put the new key in front of the others in the configuration
        #[arg(long)]
        apply: bool,
    },
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
enum KeyFault {
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    #[error("{0} is not TOML: {1}")]
    NotToml(PathBuf, String),
    #[error("{0} has no [[tickets.keys]]: its keys are random at every start, and need no rotation")]
    NoKeys(PathBuf),
    #[error("every id from 0 to 255 is taken: take old keys out first")]
    NoId,
    #[error("the system gives no random bytes")]
    Random,
}

pub(super) fn run(keys: &Keys) -> ExitCode {
    let done = match keys {
        Keys::Generate { file } => generate(file).map(|()| format!("{} {}", written(), file.display())),
        Keys::Rotate { config, apply } => rotate(config, *apply),
    };
    match done {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(fault) => fail(1, &fault.to_string()),
    }
}

fn written() -> String {
    stdout_style("1;32", "written:")
}

fn generate(path: &Path) -> Result<(), KeyFault> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| KeyFault::Random)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let write = || {
        let mut file = new_private(path)?;
        writeln!(file, "{hex}")?;
        file.sync_all()
    };
    write().map_err(|error| KeyFault::Write(path.to_owned(), error))
}

/// A file that was not there, and that only its owner can read.
fn new_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn rotate(config: &Path, apply: bool) -> Result<String, KeyFault> {
    let text = fs::read_to_string(config).map_err(|error| KeyFault::Read(config.to_owned(), error))?;
    let ids = key_ids(config, &text)?;
    let id = next_id(&ids).ok_or(KeyFault::NoId)?;
    let name = format!("ticket-{id}.key");
    let file = config.with_file_name(&name);
    let entry = format!("[[tickets.keys]]\nid = {id}\nsecret_file = \"{name}\"\n");
    let changed = with_entry(&text, &entry).ok_or_else(|| KeyFault::NoKeys(config.to_owned()))?;
    generate(&file)?;
    let wrote = format!("{} {}", written(), file.display());
    if apply {
        replace(config, &changed).map_err(|error| KeyFault::Write(config.to_owned(), error))?;
        let (path, done) = (config.display(), stdout_style("1;32", "changed:"));
        return Ok(format!(
            "{wrote}\n{done} {path} signs with key {id} once the gateway is restarted. An hour after that take the old key out, and restart again."
        ));
    }
    Ok(format!(
        "{wrote}\n\nPut this into {}:\n\n{entry}\n1. behind the other [[tickets.keys]], on every gateway, and restart them all, one after another;\n\
         2. then in front of them, everywhere, and restart: it signs;\n\
         3. an hour later, take the old key out, and restart.\n\nA single gateway may begin with 2. A reload changes no ticket keys.",
        config.display()
    ))
}

fn key_ids(config: &Path, text: &str) -> Result<BTreeSet<u8>, KeyFault> {
    let root =
        DeTable::parse(text).map_err(|error| KeyFault::NotToml(config.to_owned(), error.message().to_owned()))?;
    let tickets = root.get_ref().get("tickets").and_then(|tickets| tickets.get_ref().as_table());
    let keys = tickets.and_then(|tickets| tickets.get("keys")?.get_ref().as_array());
    let keys = keys.ok_or_else(|| KeyFault::NoKeys(config.to_owned()))?;
    let ids = keys.iter().filter_map(|key| match key.get_ref().as_table()?.get("id")?.get_ref() {
        DeValue::Integer(id) => id.as_str().parse().ok(),
        _ => None,
    });
    Ok(ids.collect())
}

/// The one after the largest, so that an old number comes back as late as possible.
fn next_id(taken: &BTreeSet<u8>) -> Option<u8> {
    let after = taken.last().map_or(1, |last| last.wrapping_add(1));
    (0..=u8::MAX).map(|step| after.wrapping_add(step)).find(|id| !taken.contains(id))
}

/// The text with the entry in front of the first key, and everything else as it was.
fn with_entry(text: &str, entry: &str) -> Option<String> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if bare == "[[tickets.keys]]" {
            return Some(format!("{}{entry}\n{}", &text[..start], &text[start..]));
        }
        start += line.len();
    }
    None
}

/// In one step, so that whoever reads it meanwhile reads the old or the new text.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let permissions = fs::metadata(path)?.permissions();
    let beside = path.with_extension("toml.new");
    let mut file = new_private(&beside)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(permissions)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_id_is_free_and_the_last_to_come_back() {
        let next = |taken: &[u8]| next_id(&taken.iter().copied().collect());
        assert_eq!([next(&[]), next(&[1]), next(&[3, 7]), next(&[255])], [Some(1), Some(2), Some(8), Some(0)]);
        assert_eq!(next(&[0, 1, 255]), Some(2));
        assert_eq!(next_id(&(0..=u8::MAX).collect()), None);
    }

    #[test]
    fn the_new_key_stands_in_front_and_nothing_else_changes() {
        let text = "# keys\n[tickets]\nttl_seconds = 60\n# old\n[[ tickets.keys ]] # first\nid = 1\n";
        let changed = with_entry(text, "[[tickets.keys]]\nid = 2\n").expect("a place");
        assert_eq!(changed.replace("[[tickets.keys]]\nid = 2\n\n", ""), text);
        assert!(changed.find("id = 2") < changed.find("id = 1"));
        assert_eq!(with_entry("#[[tickets.keys]]\n", "x"), None);
    }
}
