//! `[audit]`: where it is told who was connected, and why that ended.

use std::path::PathBuf;

use super::fault::wrong;
use super::table::Table;

/// Where audit lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Audit {
    /// Among the lines of the log.
    #[default]
    Log,
    /// To standard output, a line of JSON each.
    Stdout,
    /// To the end of a file, a line of JSON each.
    File(PathBuf),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Log,
    Stdout,
    File,
}

const CHOICES: [(&str, To); 3] = [("log", To::Log), ("stdout", To::Stdout), ("file", To::File)];

pub(super) fn read(table: &Table<'_>) -> Audit {
    let to = table.choice("to", &CHOICES, To::Log);
    let path = table.text("path");
    match (to, path) {
        (To::File, Some(path)) => Audit::File(path.path()),
        (To::File, None) => {
            table.refuse_absence("path", "write the path of the file that lines are added to");
            Audit::Log
        }
        (To::Log | To::Stdout, Some(path)) => {
            path.refuse(wrong("it counts with to = \"file\" only", "set to = \"file\", or leave it out"));
            Audit::Log
        }
        (To::Log, None) => Audit::Log,
        (To::Stdout, None) => Audit::Stdout,
    }
}
