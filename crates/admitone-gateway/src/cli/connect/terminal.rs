use std::io::{BufRead as _, stdin};

use tokio::sync::mpsc;

/// The lines of standard input, one at a time. The thread that reads them ends with the process: nothing else wakes a read.
pub(super) fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    eprintln!("standard input: {error}");
                    return;
                }
            };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Text for a terminal: nothing in it moves the cursor or changes colours.
pub(super) fn harmless(text: &str) -> String {
    let visible =
        |letter: char| if letter.is_control() && letter != '\n' && letter != '\t' { '\u{fffd}' } else { letter };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\tb\n\x1b[31mc\u{9b}d"), "a\tb\n\u{fffd}[31mc\u{fffd}d");
    }
}
