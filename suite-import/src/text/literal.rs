//! String literals: what stands between two quotes, as bytes.

use crate::error::Problem;

/// Reads the literal that starts with the quote at `start`. Returns its bytes and where it ends.
pub(super) fn read(text: &str, start: usize) -> Result<(Vec<u8>, usize), Problem> {
    let mut literal = Literal {
        bytes: text.as_bytes(),
        offset: start + 1,
        value: Vec::new(),
    };
    let quote = literal.bytes[start];
    loop {
        match literal.peek() {
            None | Some(b'\n') => {
                return Err(Problem::new(start, "this string has no end on its line")
                    .help("close the quote; a line break inside of a string is written `\\n`"));
            }
            Some(b'\\') => literal.escape()?,
            Some(byte) => {
                literal.offset += 1;
                if byte == quote {
                    return Ok((literal.value, literal.offset));
                }
                literal.value.push(byte);
            }
        }
    }
}

struct Literal<'t> {
    bytes: &'t [u8],
    offset: usize,
    value: Vec<u8>,
}

impl Literal<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
    }

    /// Reads an escape, standing at its backslash.
    fn escape(&mut self) -> Result<(), Problem> {
        let start = self.offset;
        self.offset += 1;
        let letter = self.peek();
        self.offset += 1;
        let byte = match letter {
            Some(b'a') => 0x07,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0B,
            Some(byte @ (b'?' | b'\\' | b'\'' | b'"')) => byte,
            Some(b'0'..=b'7') => {
                self.offset -= 1;
                let (value, _) = self.digits(8, 3);
                u8::try_from(value).map_err(|_| {
                    Problem::new(start, "this octal escape is more than a byte").help("the largest one is `\\377`")
                })?
            }
            Some(b'x' | b'X') => match self.digits(16, 2) {
                (_, 0) => return Err(Problem::new(start, "`\\x` needs one or two hexadecimal digits")),
                (value, _) => value as u8,
            },
            Some(b'u') => return self.code_point(start, 4),
            Some(b'U') => return self.code_point(start, 8),
            _ => {
                return Err(Problem::new(start, "this is no escape that strings have")
                    .help("a backslash itself is written `\\\\`"));
            }
        };
        self.value.push(byte);
        Ok(())
    }

    /// Reads up to `most` digits. Returns their value and how many there were.
    fn digits(&mut self, radix: u32, most: usize) -> (u32, usize) {
        let (mut value, mut count) = (0, 0);
        while count < most
            && let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(radix))
        {
            value = value * radix + digit;
            count += 1;
            self.offset += 1;
        }
        (value, count)
    }

    fn code_point(&mut self, start: usize, length: usize) -> Result<(), Problem> {
        let mut value = self.hexadecimal(start, length)?;
        // Protobuf takes two escapes that are a UTF-16 pair for one character.
        if (0xD800..0xDC00).contains(&value) && self.bytes[self.offset..].starts_with(b"\\u") {
            self.offset += 2;
            let low = self.hexadecimal(start, 4)?;
            if (0xDC00..0xE000).contains(&low) {
                value = 0x1_0000 + ((value - 0xD800) << 10) + (low - 0xDC00);
            }
        }
        let character =
            char::from_u32(value).ok_or_else(|| Problem::new(start, "this escape is no Unicode character"))?;
        let mut utf8 = [0; 4];
        self.value
            .extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        Ok(())
    }

    fn hexadecimal(&mut self, start: usize, length: usize) -> Result<u32, Problem> {
        match self.digits(16, length) {
            (value, count) if count == length => Ok(value),
            _ => Err(Problem::new(
                start,
                format!("this escape needs {length} hexadecimal digits"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_of_c_is_known() {
        let rows: &[(&str, &[u8])] = &[
            (r#""""#, b""),
            (r#""plain""#, b"plain"),
            (r#"'a"b'"#, b"a\"b"),
            (r#""a'b""#, b"a'b"),
            (r#""\a\b\f\n\r\t\v""#, b"\x07\x08\x0C\n\r\t\x0B"),
            (r#""\?\\\'\"""#, b"?\\'\""),
            (r#""\0\7\12\101\377""#, b"\0\x07\nA\xFF"),
            (r#""\1018""#, b"A8"),
            (r#""\x4\x41\XfFg""#, b"\x04A\xFFg"),
            (r#""\u00e9\u20AC""#, "é€".as_bytes()),
            (r#""\U0001F600""#, "😀".as_bytes()),
            (r#""\ud83d\ude00""#, "😀".as_bytes()),
            ("\"ü\tö\"", "ü\tö".as_bytes()),
        ];
        for &(literal, expected) in rows {
            let (value, end) = read(literal, 0).unwrap();
            assert_eq!((value.as_slice(), end), (expected, literal.len()), "{literal}");
        }
    }

    #[test]
    fn broken_literals_are_refused() {
        for literal in [
            r#"""#,
            r#""open"#,
            "\"two\nlines\"",
            r#""\"#,
            r#""\"#,
            r#""\q""#,
            r#""\8""#,
            r#""\400""#,
            r#""\x""#,
            r#""\u12""#,
            r#""\U0001F60""#,
            r#""\U00110000""#,
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
        ] {
            assert!(read(literal, 0).is_err(), "{literal}");
        }
    }
}
