//! The agent's two tools: small, and their results are real.

use serde_json::{Value, json};

/// What the agent does about a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// Calculates what the message asks for.
    Calculator { left: i64, operator: char, right: i64 },
    /// Counts the message's words, when there is nothing to calculate.
    WordCounter { text: String },
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) results: Value,
    pub(super) success: bool,
    pub(super) answer: String,
}

impl Tool {
    /// The calculator for the first `6 * 7` in the message, else the word counter.
    pub(super) fn choose(prompt: &str) -> Self {
        let spaced = prompt.replace('*', " * ").replace('+', " + ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        words.windows(3).find_map(read_calculation).unwrap_or_else(|| Self::WordCounter { text: prompt.to_owned() })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Calculator { .. } => "calculator",
            Self::WordCounter { .. } => "word_counter",
        }
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Calculator { .. } => "The message asks for a calculation, so the calculator should do it.",
            Self::WordCounter { .. } => {
                "There is nothing to calculate; counting the words says something true about it."
            }
        }
    }

    pub(super) fn args(&self) -> Value {
        match self {
            Self::Calculator { left, operator, right } => json!({"expression": format!("{left} {operator} {right}")}),
            Self::WordCounter { text } => json!({"text": text}),
        }
    }

    pub(super) fn run(&self) -> Outcome {
        match self {
            Self::Calculator { left, operator, right } => calculate(*left, *operator, *right),
            Self::WordCounter { text } => count(text),
        }
    }
}

fn read_calculation(words: &[&str]) -> Option<Tool> {
    let [left, operator, right] = words else { return None };
    let operator = match *operator {
        "+" => '+',
        "-" => '-',
        "*" => '*',
        "/" => '/',
        _ => return None,
    };
    Some(Tool::Calculator { left: number(left)?, operator, right: number(right)? })
}

fn number(word: &str) -> Option<i64> {
    let digits = word.trim_matches(['(', ')', '?', '.', ',', '!', '=', ';']);
    digits.parse::<i32>().ok().map(i64::from)
}

/// Operands are those of 32 bits, so nothing overflows.
fn calculate(left: i64, operator: char, right: i64) -> Outcome {
    let value = match operator {
        '+' => json!(left + right),
        '-' => json!(left - right),
        '*' => json!(left * right),
        _ if right == 0 => return undefined(left),
        _ if left % right == 0 => json!(left / right),
        _ => json!(left as f64 / right as f64),
    };
    let answer = format!("{left} {operator} {right} = {value}");
    Outcome { results: json!({"value": value}), success: true, answer }
}

fn undefined(left: i64) -> Outcome {
    let answer = format!("{left} / 0 has no value: nothing can be divided by zero.");
    Outcome { results: json!({"error": "division by zero"}), success: false, answer }
}

fn count(text: &str) -> Outcome {
    let (words, characters) = (text.split_whitespace().count(), text.chars().count());
    let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let answer = format!("Your message has {} and {}.", plural(words, "word"), plural(characters, "character"));
    Outcome { results: json!({"words": words, "characters": characters}), success: true, answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calculations_are_found_and_right() {
        let cases = [
            ("What is 6 * 7?", "6 * 7 = 42"),
            ("6*7", "6 * 7 = 42"),
            ("please add 2 + 3 for me", "2 + 3 = 5"),
            ("(10 - 12)", "10 - 12 = -2"),
            ("12 / 4", "12 / 4 = 3"),
            ("1 / 4", "1 / 4 = 0.25"),
            ("2147483647 * 2147483647", "2147483647 * 2147483647 = 4611686014132420609"),
        ];
        for (prompt, answer) in cases {
            let outcome = Tool::choose(prompt).run();
            assert_eq!((outcome.answer.as_str(), outcome.success), (answer, true), "{prompt}");
        }
        assert!(!Tool::choose("1 / 0").run().success);
    }

    #[test]
    fn anything_else_is_counted() {
        for prompt in ["on 2026-11-22", "99999999999 + 1", "a + b", "C++ is hard"] {
            assert!(matches!(Tool::choose(prompt), Tool::WordCounter { .. }), "{prompt}");
        }
        assert_eq!(Tool::choose("Hallo").run().answer, "Your message has 1 word and 5 characters.");
    }
}
