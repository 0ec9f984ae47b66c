//! Text to tokens.

use super::literal;
use crate::error::Problem;

#[derive(Debug)]
pub(super) struct Token<'t> {
    /// Where the token starts, in bytes.
    pub(super) at: usize,
    pub(super) kind: TokenKind<'t>,
}

#[derive(Debug, Eq, PartialEq)]
pub(super) enum TokenKind<'t> {
    /// A field's name, or a bare value that is a word.
    Word(&'t str),
    /// Without a sign.
    Number(&'t str),
    Literal(Vec<u8>),
    Symbol(char),
    End,
}

impl TokenKind<'_> {
    pub(super) fn description(&self) -> String {
        match self {
            Self::Word(text) | Self::Number(text) => format!("`{text}`"),
            Self::Literal(_) => "a string".to_owned(),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Windows editors write a byte order mark, and protobuf's tokenizer skips it.
        let offset = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
        Self { text, offset }
    }

    pub(super) fn next(&mut self) -> Result<Token<'t>, Problem> {
        self.skip_blanks();
        let at = self.offset;
        let rest = &self.text[at..];
        let kind = match rest.chars().next() {
            None => TokenKind::End,
            Some('"' | '\'') => {
                let (value, end) = literal::read(self.text, at)?;
                self.offset = end;
                TokenKind::Literal(value)
            }
            Some(first) if first.is_ascii_alphabetic() || first == '_' => TokenKind::Word(self.take(word_length(rest))),
            Some('0'..='9') => self.number()?,
            Some('.') if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number()?,
            Some(symbol @ ('{' | '}' | '<' | '>' | '[' | ']' | ':' | ',' | ';' | '-')) => {
                self.offset += 1;
                TokenKind::Symbol(symbol)
            }
            Some(other) => {
                let problem = Problem::new(at, format!("the character {other:?} has no place here"));
                return Err(match other {
                    '/' => problem.help("comments start with `#`"),
                    _ => problem.help("text stands in quotes"),
                });
            }
        };
        Ok(Token { at, kind })
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.offset..];
            let blanks = rest
                .bytes()
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C))
                .count();
            self.offset += blanks;
            let rest = &rest[blanks..];
            if !rest.starts_with('#') {
                return;
            }
            self.offset += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn take(&mut self, length: usize) -> &'t str {
        let start = self.offset;
        self.offset += length;
        &self.text[start..self.offset]
    }

    fn number(&mut self) -> Result<TokenKind<'t>, Problem> {
        let at = self.offset;
        let number = self.take(number_length(&self.text[at..]));
        if is_hexadecimal(number) || is_octal(number) || is_decimal(number) {
            Ok(TokenKind::Number(number))
        } else {
            Err(Problem::new(at, format!("`{number}` is no number")).help("text stands in quotes"))
        }
    }
}

fn word_length(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}

/// Everything that touches the number, so that `1.2.3` and `5ms` are one wrong number instead of several right tokens.
fn number_length(text: &str) -> usize {
    let mut previous = 0;
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    text.bytes()
        .take_while(|&byte| {
            let exponent_sign = matches!(byte, b'+' | b'-') && matches!(previous, b'e' | b'E') && !hexadecimal;
            previous = byte;
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || exponent_sign
        })
        .count()
}

fn is_hexadecimal(number: &str) -> bool {
    let digits = number.strip_prefix("0x").or_else(|| number.strip_prefix("0X"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_octal(number: &str) -> bool {
    number.starts_with('0') && number.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
}

fn is_decimal(number: &str) -> bool {
    let whole = number.bytes().all(|byte| byte.is_ascii_digit());
    // With a leading zero it would be octal, and one with an 8 or a 9 is neither.
    if whole {
        return !number.starts_with('0');
    }
    let number = number.strip_suffix(['f', 'F']).unwrap_or(number);
    // Rust's floats have the same digits, point and exponent; its words are no numbers here, and those are left to others.
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && number.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<TokenKind<'_>>, Problem> {
        let mut lexer = Lexer::new(text);
        let mut found = Vec::new();
        loop {
            match lexer.next()?.kind {
                TokenKind::End => return Ok(found),
                kind => found.push(kind),
            }
        }
    }

    #[test]
    fn words_symbols_and_blanks() {
        use TokenKind::{Symbol, Word};
        let text = "\u{FEFF}a_1{# note } \"\n_b\r\n}<>[]:,;-c # end";
        let mut expected = vec![Word("a_1"), Symbol('{'), Word("_b")];
        expected.extend("}<>[]:,;-".chars().map(Symbol));
        expected.push(Word("c"));
        assert_eq!(kinds(text).unwrap(), expected);
    }

    #[test]
    fn numbers() {
        for number in [
            "0", "7", "42", "017", "0x1F", "0XaB", "1.5", ".5", "1.", "1e3", "1E-3", "2.5e+1", "1f", "1.5F",
        ] {
            assert_eq!(kinds(number).unwrap(), [TokenKind::Number(number)], "{number}");
        }
        for number in ["08", "0x", "0xg", "1.2.3", "5ms", "1e", "1_000", "1ff"] {
            assert!(kinds(number).is_err(), "{number}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_where_it_stands() {
        for text in ["a: $b", "a: ü", "a: // b", "a: .", "a: \u{0}"] {
            let Err(problem) = kinds(text) else {
                panic!("{text} was read");
            };
            let source = crate::source::Source::new(text, crate::source::Syntax::TextFormat);
            assert_eq!(problem.in_file("x", &source).column, 4, "{text}");
        }
    }
}
