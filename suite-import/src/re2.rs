//! RE2's expressions, in the notation of Rust's `regex`.
//!
//! Suites are written for RE2. Most of what it takes means the same to `regex`, and what does not is written otherwise here:
//!
//! * `\d`, `\s`, `\w` and `\b` are about ASCII;
//! * a brace that begins no repetition is a brace, as in `{"a": 1}`, and so are a `[`, `&`, `~` and `-` in a class;
//! * `\Q…\E` quotes, `\C` is any byte, `\012` is a character by its octal number, and any punctuation can be escaped.
//!
//! Whether the result is an expression is for `regex` to say.

use std::fmt;

/// Why an expression is none of RE2's.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpressionError {}

type Translated<T> = Result<T, ExpressionError>;

/// Writes an expression of RE2 so that `regex` takes it for the same. For bytes: `\C` may match what is no UTF-8.
///
/// ```
/// use outgate_suite_import::re2;
///
/// assert_eq!(re2::to_regex(r#"{"id": \d+}"#)?, r#"\{"id": [0-9]+\}"#);
/// assert!(re2::to_regex(r"\Z").is_err());
/// # Ok::<(), re2::ExpressionError>(())
/// ```
///
/// # Errors
///
/// An escape or a flag that RE2 does not have, and a class that does not end.
pub fn to_regex(expression: &str) -> Translated<String> {
    let mut translation = Translation {
        rest: expression,
        out: String::with_capacity(expression.len() + 16),
    };
    while let Some(letter) = translation.next() {
        match letter {
            '\\' => translation.escape()?,
            '[' => translation.class()?,
            '{' => translation.brace(),
            '}' => translation.literal('}'),
            '(' => translation.group()?,
            letter => translation.out.push(letter),
        }
    }
    Ok(translation.out)
}

struct Translation<'e> {
    rest: &'e str,
    out: String,
}

/// What an escape stands for.
enum Escaped {
    /// One character.
    Letter(char),
    /// The members of a set of characters, as a class has them.
    Set(&'static str),
    /// The characters outside of such a set.
    NotSet(&'static str),
    /// A set by its Unicode property, written out.
    Property(String),
}

impl Translation<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn skip(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, letter: char) {
        if r"\.+*?()|[]{}^$#&-~".contains(letter) {
            self.out.push('\\');
        }
        self.out.push(letter);
    }

    /// Behind a backslash, outside of a class.
    fn escape(&mut self) -> Translated<()> {
        if self.skip("Q") {
            while !self.skip(r"\E")
                && let Some(letter) = self.next()
            {
                self.literal(letter);
            }
            return Ok(());
        }
        for (name, meaning) in [
            ("A", r"\A"),
            ("z", r"\z"),
            ("b", r"(?-u:\b)"),
            ("B", r"(?-u:\B)"),
            ("C", "(?s-u:.)"),
        ] {
            if self.skip(name) {
                self.out.push_str(meaning);
                return Ok(());
            }
        }
        match self.escaped()? {
            Escaped::Letter(letter) => self.literal(letter),
            Escaped::Set(set) => self.out.push_str(&format!("[{set}]")),
            Escaped::NotSet(set) => self.out.push_str(&format!("[^{set}]")),
            Escaped::Property(property) => self.out.push_str(&property),
        }
        Ok(())
    }

    /// Behind a backslash: what stands for one of several characters, anywhere.
    fn escaped(&mut self) -> Translated<Escaped> {
        const DIGIT: &str = "0-9";
        const SPACE: &str = r"\t\n\f\r ";
        const WORD: &str = "0-9A-Za-z_";
        let Some(letter) = self.next() else {
            return Err(error("it ends with a backslash"));
        };
        Ok(match letter {
            'd' => Escaped::Set(DIGIT),
            'D' => Escaped::NotSet(DIGIT),
            's' => Escaped::Set(SPACE),
            'S' => Escaped::NotSet(SPACE),
            'w' => Escaped::Set(WORD),
            'W' => Escaped::NotSet(WORD),
            'p' | 'P' => Escaped::Property(self.property(letter == 'P')?),
            'a' => Escaped::Letter('\x07'),
            'f' => Escaped::Letter('\x0C'),
            'n' => Escaped::Letter('\n'),
            'r' => Escaped::Letter('\r'),
            't' => Escaped::Letter('\t'),
            'v' => Escaped::Letter('\x0B'),
            'x' => Escaped::Letter(self.hexadecimal()?),
            '0'..='7' => Escaped::Letter(self.octal(letter)?),
            letter if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '_' => Escaped::Letter(letter),
            letter => return Err(error(format!("RE2 has no escape `\\{letter}`"))),
        })
    }

    fn property(&mut self, is_negated: bool) -> Translated<String> {
        let (name, caret) = if self.skip("{") {
            let caret = self.skip("^");
            let Some((name, rest)) = self.rest.split_once('}') else {
                return Err(error("the name of a property has no end"));
            };
            self.rest = rest;
            (name.to_owned(), caret)
        } else {
            match self.next() {
                Some(name) => (name.to_string(), false),
                None => return Err(error("it ends with a backslash and a `p`")),
            }
        };
        let letter = if is_negated == caret { 'p' } else { 'P' };
        Ok(format!(r"\{letter}{{{name}}}"))
    }

    fn hexadecimal(&mut self) -> Translated<char> {
        let digits = if self.skip("{") {
            let Some((digits, rest)) = self.rest.split_once('}') else {
                return Err(error(r"`\x{` has no end"));
            };
            self.rest = rest;
            digits
        } else {
            let Some((digits, rest)) = self.rest.split_at_checked(2) else {
                return Err(error(r"`\x` needs two hexadecimal digits"));
            };
            self.rest = rest;
            digits
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
        number
            .and_then(char::from_u32)
            .ok_or_else(|| error(format!(r"`\x{digits}` is no character")))
    }

    /// A single digit other than 0 would refer to a group, which RE2 does not do.
    fn octal(&mut self, first: char) -> Translated<char> {
        let mut value = first.to_digit(8).unwrap_or_default();
        let mut count = 1;
        while count < 3
            && let Some(digit) = self.rest.chars().next().and_then(|digit| digit.to_digit(8))
        {
            value = value * 8 + digit;
            count += 1;
            self.rest = &self.rest[1..];
        }
        match char::from_u32(value) {
            Some(letter) if first == '0' || count > 1 => Ok(letter),
            _ => Err(error(format!("RE2 refers to no group: `\\{first}` means nothing"))),
        }
    }

    /// Behind a `{`: a repetition stays one, all else is a brace.
    fn brace(&mut self) {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let repetition = self
            .rest
            .split_once('}')
            .filter(|(inside, _)| match inside.split_once(',') {
                None => is_number(inside),
                Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
            });
        match repetition {
            Some((inside, rest)) => {
                self.out.push_str(&format!("{{{inside}}}"));
                self.rest = rest;
            }
            None => self.literal('{'),
        }
    }

    /// Behind a `(`.
    fn group(&mut self) -> Translated<()> {
        self.out.push('(');
        let is_flags = |letter: &char| letter.is_ascii_alphabetic() || *letter == '-';
        let Some(flags) = self.rest.strip_prefix('?') else {
            return Ok(());
        };
        let unknown = flags
            .chars()
            .take_while(is_flags)
            .find(|letter| !"imsU-P".contains(*letter));
        match unknown {
            Some(unknown) => Err(error(format!("RE2 has no flag `{unknown}`"))),
            None => Ok(()),
        }
    }

    /// Behind a `[`.
    fn class(&mut self) -> Translated<()> {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            if !is_first && self.skip("]") {
                self.out.push(']');
                return Ok(());
            }
            is_first = false;
            if self.named_set()? {
                continue;
            }
            match self.member()? {
                Escaped::Letter(least) if self.begins_range() => {
                    self.next();
                    let Escaped::Letter(most) = self.member()? else {
                        return Err(error("a range in a class ends with a character"));
                    };
                    self.literal(least);
                    self.out.push('-');
                    self.literal(most);
                }
                Escaped::Letter(letter) => self.literal(letter),
                Escaped::Set(set) => self.out.push_str(set),
                Escaped::NotSet(set) => self.out.push_str(&format!("[^{set}]")),
                Escaped::Property(property) => self.out.push_str(&property),
            }
        }
    }

    fn member(&mut self) -> Translated<Escaped> {
        match self.next() {
            Some('\\') => self.escaped(),
            Some(letter) => Ok(Escaped::Letter(letter)),
            None => Err(error("a class has no end: `]` closes it")),
        }
    }

    /// At a `-` that is not the last member?
    fn begins_range(&self) -> bool {
        self.rest
            .strip_prefix('-')
            .is_some_and(|behind| !behind.is_empty() && !behind.starts_with(']'))
    }

    /// Takes a set such as `[:alpha:]` or `[:^alpha:]`.
    fn named_set(&mut self) -> Translated<bool> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(false);
        };
        if !SETS.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(error(format!("RE2 has no class `[:{name}:]`")));
        }
        self.out.push_str(&format!("[:{name}:]"));
        self.rest = rest;
        Ok(true)
    }
}

/// Classes by name: RE2's, and those of `regex`.
const SETS: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

fn error(message: impl Into<String>) -> ExpressionError {
    ExpressionError {
        message: message.into(),
    }
}
