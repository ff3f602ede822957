//! Columns for people.

/// Rows under their headings, each column as wide as its widest cell; the last one is not filled up.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let filled = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        filled.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(line(headings)).chain(rows.iter().map(|row| line(row.each_ref().map(String::as_str)))).collect()
}

/// A time in its two largest units: `1 h 5 min`.
pub(super) fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(size, _)| seconds >= *size).unwrap_or(3);
    let (size, name) = units[first];
    let rest = units.get(first + 1).map(|(next, name)| (seconds % size / next, name)).filter(|(rest, _)| *rest > 0);
    match rest {
        Some((rest, smaller)) => format!("{} {name} {rest} {smaller}", seconds / size),
        None => format!("{} {name}", seconds / size),
    }
}

/// Text of others on a terminal: without what could move its cursor or paint on it.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ada".to_owned(), "1".to_owned()], ["grace-hopper".to_owned(), "22".to_owned()]];
        assert_eq!(table(["SUBJECT", "N"], &rows), ["SUBJECT       N", "ada           1", "grace-hopper  22"]);
    }

    #[test]
    fn durations_have_two_units() {
        let told = [0, 59, 60, 61, 3600, 3725, 90_000].map(duration);
        assert_eq!(told, ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h 2 min", "1 d 1 h"]);
    }

    #[test]
    fn a30_escape_sequences_do_not_reach_a_terminal() {
        assert_eq!(printable("\u{1b}[31mada\n"), "\u{fffd}[31mada\u{fffd}");
    }
}
