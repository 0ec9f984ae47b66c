//! JSON as a configuration has it: read part by part, by the readers of its types.
//!
//! The usual crate is not used. It wants the whole text, which is the largest thing that a gateway would ever keep in memory; and
//! floating-point numbers, which no configuration has, make up a good part of it. The module is a fifth smaller without it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::host::Status;

/// Deeper than any policy, and far from what a stack can bear.
const DEEPEST: u8 = 128;

/// The name of a newtype struct within which no field may be left unread, whatever the types in it say.
pub(crate) const EVERY_FIELD: &str = "outgate: every field";

/// A text that is handed out in parts.
pub trait Text {
    /// What comes at `start`: at least a byte, unless the text ends there.
    ///
    /// # Errors
    ///
    /// What whoever has the text says when it hands out nothing.
    fn part(&self, start: usize) -> Result<Vec<u8>, Status>;
}

impl Text for &[u8] {
    fn part(&self, start: usize) -> Result<Vec<u8>, Status> {
        Ok(self.get(start..).unwrap_or_default().to_vec())
    }
}

/// Reads a whole text.
///
/// # Errors
///
/// When it is not JSON, or not what is to be read; with the place.
pub fn read<'de, T: Deserialize<'de>>(text: &dyn Text) -> Result<T, Error> {
    read_with(text, PhantomData)
}

/// Reads a whole text, with a reader that holds something.
///
/// # Errors
///
/// As [`read`].
pub fn read_with<'de, S: DeserializeSeed<'de>>(text: &dyn Text, seed: S) -> Result<S::Value, Error> {
    let mut reader = Reader::new(text);
    let read = seed.deserialize(&mut reader).and_then(|read| {
        reader.end()?;
        Ok(read)
    });
    read.map_err(|error| reader.locate(error))
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub struct Error(Box<Finding>);

/// Apart, because every reader hands an error on, and a pointer makes for shorter code.
#[derive(Debug)]
struct Finding {
    what: String,
    /// None when it is not the text that is wrong.
    place: Option<Place>,
}

/// Where something stands in a text.
#[derive(Debug)]
struct Place {
    /// The path of the field, from the whole text on.
    path: String,
    /// From 1.
    line: usize,
    /// From 1.
    column: usize,
}

impl Error {
    #[cold]
    fn new(what: impl Into<String>) -> Self {
        Self(Box::new(Finding {
            what: what.into(),
            place: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { what, place } = &*self.0;
        let Some(Place { path, line, column }) = place else {
            return f.write_str(what);
        };
        let colon = if path.is_empty() { "" } else { ": " };
        write!(f, "{path}{colon}{what} at line {line}, column {column}")
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    // The provided ones can tell a floating-point number, for which they bring kilobytes along.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        mismatch(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        mismatch(found, expected)
    }
}

#[cold]
fn mismatch(found: Unexpected<'_>, expected: &dyn Expected) -> Error {
    let found = match found {
        Unexpected::Bool(true) => "true".to_owned(),
        Unexpected::Bool(false) => "false".to_owned(),
        Unexpected::Unsigned(value) => value.to_string(),
        // All that are not negative are unsigned.
        Unexpected::Signed(value) => format!("-{}", value.unsigned_abs()),
        Unexpected::Str(text) => format!("\"{text}\""),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        Unexpected::Other(other) => other.to_owned(),
        _ => "this".to_owned(),
    };
    Error::new(format!("expected {expected}, not {found}"))
}

#[cold]
fn unknown_field(known: &[&str]) -> Error {
    if known.is_empty() {
        return Error::new("unknown field");
    }
    Error::new(["unknown field, expected one of `", &known.join("`, `"), "`"].concat())
}

/// What a value begins with.
enum Token<'t> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// Neither fits.
    OtherNumber(String),
    Text(Cow<'t, str>),
    List,
    Object,
}

impl Token<'_> {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::OtherNumber(text) => Unexpected::Other(text),
            Self::Text(text) => Unexpected::Str(text),
            Self::List => Unexpected::Seq,
            Self::Object => Unexpected::Map,
        }
    }
}

struct Reader<'t> {
    text: &'t dyn Text,
    /// The part at hand.
    part: Vec<u8>,
    /// How much of it has been read.
    at: usize,
    /// Where in it the last token began.
    token_at: usize,
    /// How much stands before the part: bytes, line breaks, and bytes since the last of these.
    before: usize,
    lines_before: usize,
    column_before: usize,
    depth: u8,
    /// Whether what is wrong is the text.
    is_at_fault: bool,
    /// Whether a field that nobody reads is an error.
    is_every_field_read: bool,
    /// The fields of the structure that is being read.
    fields: &'static [&'static str],
}

impl<'t> Reader<'t> {
    const fn new(text: &'t dyn Text) -> Self {
        Self {
            text,
            part: Vec::new(),
            at: 0,
            token_at: 0,
            before: 0,
            lines_before: 0,
            column_before: 0,
            depth: 0,
            is_at_fault: true,
            is_every_field_read: false,
            fields: &[],
        }
    }

    /// Fetches the next part, and forgets what stands before the last token. Whether there was more.
    fn fetch(&mut self) -> Result<bool, Error> {
        let next = self.text.part(self.before + self.part.len());
        let next = next.map_err(|Status(status)| {
            self.is_at_fault = false;
            Error::new(format!("the proxy does not hand it out: status {status}"))
        })?;
        if next.is_empty() {
            return Ok(false);
        }
        let forgotten = std::mem::take(&mut self.token_at);
        (self.lines_before, self.column_before) = self.position(forgotten);
        self.before += forgotten;
        self.at -= forgotten;
        self.part.drain(..forgotten);
        if self.part.is_empty() {
            self.part = next;
        } else {
            self.part.extend_from_slice(&next);
        }
        Ok(true)
    }

    /// Line breaks, and bytes since the last, before a place in this part.
    fn position(&self, place: usize) -> (usize, usize) {
        let before = &self.part[..place];
        let lines = before.iter().filter(|&&byte| byte == b'\n').count();
        let column = match before.iter().rposition(|&byte| byte == b'\n') {
            Some(line_break) => place - line_break - 1,
            None => self.column_before + place,
        };
        (self.lines_before + lines, column)
    }

    /// Where the last token is, unless it is not at fault.
    #[cold]
    fn locate(&self, mut error: Error) -> Error {
        let (lines, column) = self.position(self.token_at);
        error.0.place = self.is_at_fault.then(|| Place {
            path: Self::new(self.text).path_to(self.before + self.token_at),
            line: lines + 1,
            column: column + 1,
        });
        error
    }

    /// The path of the field in which something stands.
    fn path_to(mut self, wanted: usize) -> String {
        let mut path = String::new();
        // What is no JSON is read as far as it is some.
        let _ = self.walk(wanted, &mut path);
        path
    }

    /// Reads a value, and leaves the path of the field that is wanted if it is in it, which it says.
    fn walk(&mut self, wanted: usize, path: &mut String) -> Result<bool, Error> {
        let length = path.len();
        let token = self.token()?;
        let (bracket, is_object) = match token {
            Token::Object => (b'}', true),
            Token::List => (b']', false),
            _ => return Ok(self.before + self.at > wanted),
        };
        // It is not something in it that is wrong.
        if self.before + self.token_at >= wanted {
            return Ok(true);
        }
        self.open(if is_object { b'{' } else { b'[' }, &"")?;
        let mut number = 0;
        while self.next_element(number == 0, bracket)? {
            path.truncate(length);
            if is_object {
                let name = self.name()?.into_owned();
                // The name itself is wrong: it is the object that is meant.
                if self.before + self.at > wanted {
                    return Ok(true);
                }
                self.colon()?;
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(&name);
            } else {
                path.push_str(&["[", &number.to_string(), "]"].concat());
            }
            number += 1;
            self.peek()?;
            if self.walk(wanted, path)? {
                return Ok(true);
            }
        }
        path.truncate(length);
        Ok(self.before + self.at > wanted)
    }

    /// The next byte of a token, which is not taken.
    fn next(&mut self) -> Result<Option<u8>, Error> {
        if self.at == self.part.len() && !self.fetch()? {
            return Ok(None);
        }
        Ok(Some(self.part[self.at]))
    }

    /// The first byte of the next token, which is not taken.
    fn peek(&mut self) -> Result<Option<u8>, Error> {
        loop {
            while let Some(&byte) = self.part.get(self.at) {
                if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                    self.token_at = self.at;
                    return Ok(Some(byte));
                }
                self.at += 1;
            }
            self.token_at = self.at;
            if !self.fetch()? {
                return Ok(None);
            }
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(Error::new("expected nothing more")),
        }
    }

    /// Takes this byte, if it comes next.
    fn take(&mut self, wanted: u8) -> Result<bool, Error> {
        let is_next = self.peek()? == Some(wanted);
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    fn token(&mut self) -> Result<Token<'_>, Error> {
        match self.peek()? {
            Some(b'"') => self.string().map(Token::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => Ok(Token::List),
            Some(b'{') => Ok(Token::Object),
            Some(b'n') => self.word("null", Token::Null),
            Some(b't') => self.word("true", Token::Bool(true)),
            Some(b'f') => self.word("false", Token::Bool(false)),
            Some(_) => Err(Error::new("expected a value")),
            None => Err(Error::new("the text ends where a value is expected")),
        }
    }

    /// Takes a null, if it comes next.
    #[inline(never)]
    fn is_null(&mut self) -> Result<bool, Error> {
        let is_null = self.peek()? == Some(b'n');
        if is_null {
            self.word("null", Token::Null)?;
        }
        Ok(is_null)
    }

    fn word(&mut self, word: &str, token: Token<'static>) -> Result<Token<'static>, Error> {
        for byte in word.bytes() {
            if self.next()? != Some(byte) {
                return Err(Error::new("expected a value"));
            }
            self.at += 1;
        }
        Ok(token)
    }

    fn number(&mut self) -> Result<Token<'static>, Error> {
        let is_negative = self.take_any(b"-")?;
        let begins_with_zero = self.next()? == Some(b'0');
        let (count, mut value) = self.digits()?;
        let mut is_number = count > 0 && (count == 1 || !begins_with_zero);
        if self.take_any(b".")? {
            value = None;
            is_number &= self.digits()?.0 > 0;
        }
        if self.take_any(b"eE")? {
            value = None;
            self.take_any(b"+-")?;
            is_number &= self.digits()?.0 > 0;
        }
        if !is_number {
            return Err(Error::new("this is not a number"));
        }
        let token = match (value, is_negative) {
            (Some(value), false) => Some(Token::Unsigned(value)),
            (Some(value), true) => 0_i64.checked_sub_unsigned(value).map(Token::Signed),
            (None, _) => None,
        };
        match token {
            Some(token) => Ok(token),
            None => utf8(&self.part[self.token_at..self.at]).map(|text| Token::OtherNumber(text.to_owned())),
        }
    }

    fn take_any(&mut self, any: &[u8]) -> Result<bool, Error> {
        let is_next = self.next()?.is_some_and(|next| any.contains(&next));
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    /// How many digits come next, and their value, unless it is too large.
    fn digits(&mut self) -> Result<(usize, Option<u64>), Error> {
        let mut count = 0;
        let mut value = Some(0_u64);
        while let Some(digit @ b'0'..=b'9') = self.next()? {
            self.at += 1;
            count += 1;
            let tenfold = value.and_then(|value| value.checked_mul(10));
            value = tenfold.and_then(|value| value.checked_add(u64::from(digit - b'0')));
        }
        Ok((count, value))
    }

    /// A string; the quotation mark comes next.
    fn string(&mut self) -> Result<Cow<'_, str>, Error> {
        self.at += 1;
        let start = self.plain()?;
        if self.part[self.at] == b'"' {
            self.at += 1;
            return utf8(&self.part[start..self.at - 1]).map(Cow::Borrowed);
        }
        let mut text = utf8(&self.part[start..self.at])?.to_owned();
        while self.part[self.at] != b'"' {
            self.at += 1;
            text.push(self.escaped()?);
            let start = self.plain()?;
            text.push_str(utf8(&self.part[start..self.at])?);
        }
        self.at += 1;
        Ok(Cow::Owned(text))
    }

    /// Reads on to the next quotation mark or backslash. Where in this part it began.
    fn plain(&mut self) -> Result<usize, Error> {
        let mut start = self.at;
        loop {
            let (eights, _) = self.part[self.at..].as_chunks();
            let plain = eights
                .iter()
                .take_while(|&&eight| !has_special(u64::from_le_bytes(eight)));
            self.at += plain.count() * 8;
            while let Some(&byte) = self.part.get(self.at) {
                match byte {
                    b'"' | b'\\' => return Ok(start),
                    ..b' ' => return Err(Error::new("a control character in a string must be escaped")),
                    _ => self.at += 1,
                }
            }
            start -= self.token_at;
            if !self.fetch()? {
                return Err(Error::new("the text ends in a string"));
            }
        }
    }

    /// The character that an escape stands for; the backslash has been read.
    fn escaped(&mut self) -> Result<char, Error> {
        let escape = match self.next()? {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            Some(itself @ (b'"' | b'\\' | b'/')) => char::from(itself),
            _ => return Err(Error::new("there is no such escape")),
        };
        self.at += 1;
        Ok(escape)
    }

    fn code_point(&mut self) -> Result<char, Error> {
        let half_a_pair = || Error::new("half a surrogate pair is no character");
        let unit = self.code_unit()?;
        if !matches!(unit, 0xD800..0xDC00) {
            return char::from_u32(unit).ok_or_else(half_a_pair);
        }
        if !self.take_any(b"\\")? || !self.take_any(b"u")? {
            return Err(half_a_pair());
        }
        match self.code_unit()? {
            low @ 0xDC00..0xE000 => {
                let point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                char::from_u32(point).ok_or_else(half_a_pair)
            }
            _ => Err(half_a_pair()),
        }
    }

    fn code_unit(&mut self) -> Result<u32, Error> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.next()?.and_then(|digit| char::from(digit).to_digit(16));
            unit = unit << 4 | digit.ok_or_else(|| Error::new("expected four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(unit)
    }

    /// Enters a list or an object.
    fn open(&mut self, bracket: u8, expected: &dyn Expected) -> Result<(), Error> {
        if !self.take(bracket)? {
            return Err(mismatch(self.token()?.unexpected(), expected));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::new("this is nested too deeply"));
        }
        Ok(())
    }

    /// Whether another element comes before the closing bracket, which is taken.
    fn next_element(&mut self, is_first: bool, bracket: u8) -> Result<bool, Error> {
        if self.take(bracket)? {
            self.depth -= 1;
            return Ok(false);
        }
        if !is_first && !self.take(b',')? {
            return Err(Error::new(format!("expected `,` or `{}`", char::from(bracket))));
        }
        Ok(true)
    }

    /// A name in an object.
    fn name(&mut self) -> Result<Cow<'_, str>, Error> {
        match self.peek()? {
            Some(b'"') => self.string(),
            _ => Err(Error::new("expected a name in quotation marks")),
        }
    }

    fn colon(&mut self) -> Result<(), Error> {
        if self.take(b':')? {
            Ok(())
        } else {
            Err(Error::new("expected `:`"))
        }
    }

    fn skip(&mut self) -> Result<(), Error> {
        match self.token()? {
            Token::List => {
                self.open(b'[', &"a list")?;
                let mut is_first = true;
                while self.next_element(is_first, b']')? {
                    is_first = false;
                    self.skip()?;
                }
            }
            Token::Object => {
                self.open(b'{', &"an object")?;
                let mut is_first = true;
                while self.next_element(is_first, b'}')? {
                    is_first = false;
                    self.name()?;
                    self.colon()?;
                    self.skip()?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn utf8(text: &[u8]) -> Result<&str, Error> {
    str::from_utf8(text).map_err(|_| Error::new("this string is not UTF-8"))
}

/// Whether any of eight bytes is a quotation mark, a backslash or a control character; also, at times, without one.
const fn has_special(eight: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let control = eight.wrapping_sub(ONES * 0x20);
    let quote = (eight ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (eight ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control | quote | backslash) & !eight & HIGH != 0
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token()? {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::OtherNumber(text) => Err(mismatch(Unexpected::Other(&text), &visitor)),
            Token::Text(text) => visitor.visit_str(&text),
            Token::List => self.deserialize_seq(visitor),
            Token::Object => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null()? {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token()? {
            Token::Text(text) => visitor.visit_str(&text),
            other => Err(mismatch(other.unexpected(), &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.open(b'[', &visitor)?;
        let mut elements = Elements::of(self);
        let value = visitor.visit_seq(&mut elements)?;
        elements.end(b']')?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.open(b'{', &visitor)?;
        let mut elements = Elements::of(self);
        let value = visitor.visit_map(&mut elements)?;
        elements.end(b'}')?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let around = std::mem::replace(&mut self.fields, fields);
        let value = self.deserialize_map(visitor);
        self.fields = around;
        value
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_every_field_read {
            // So that what is pointed at is the field.
            self.peek()?;
            return Err(unknown_field(self.fields));
        }
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let was_every_field_read = self.is_every_field_read;
        self.is_every_field_read |= name == EVERY_FIELD;
        let value = visitor.visit_newtype_struct(&mut *self);
        self.is_every_field_read = was_every_field_read;
        value
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token()? {
            Token::OtherNumber(text) => match text.parse() {
                Ok(value) => visitor.visit_f64(value),
                Err(_) => Err(mismatch(Unexpected::Other(&text), &visitor)),
            },
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            other => Err(mismatch(other.unexpected(), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.peek()? != Some(b'{') {
            let name = match self.token()? {
                Token::Text(text) => text.into_owned(),
                other => return Err(mismatch(other.unexpected(), &visitor)),
            };
            return visitor.visit_enum(name.into_deserializer());
        }
        self.open(b'{', &visitor)?;
        let mut variant = Elements::of(self);
        if !variant.next(b'}')? {
            return Err(Error::new("expected the name of a variant"));
        }
        let value = visitor.visit_enum(Variant { reader: variant.reader })?;
        if variant.next(b'}')? {
            return Err(Error::new("expected one variant"));
        }
        Ok(value)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// A variant of an enum, as an object with its name.
struct Variant<'a, 't> {
    reader: &'a mut Reader<'t>,
}

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let name = seed.deserialize(Name(self.reader.name()?))?;
        self.reader.colon()?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        <()>::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.reader.deserialize_struct("", fields, visitor)
    }
}

/// What stands in a list or in an object.
struct Elements<'a, 't> {
    reader: &'a mut Reader<'t>,
    is_first: bool,
    is_ended: bool,
}

impl<'a, 't> Elements<'a, 't> {
    /// Of one whose bracket has been read.
    const fn of(reader: &'a mut Reader<'t>) -> Self {
        Self {
            reader,
            is_first: true,
            is_ended: false,
        }
    }

    fn next(&mut self, bracket: u8) -> Result<bool, Error> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        self.is_ended = !self.reader.next_element(is_first, bracket)?;
        Ok(!self.is_ended)
    }

    /// Whoever knows how many there are, such as a tuple, does not read on to the end.
    fn end(&mut self, bracket: u8) -> Result<(), Error> {
        if !self.is_ended && self.next(bracket)? {
            return Err(Error::new("expected no more elements"));
        }
        Ok(())
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.next(b']')? {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }
}

impl<'de> MapAccess<'de> for &mut Elements<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.next(b'}')? {
            seed.deserialize(Name(self.reader.name()?)).map(Some)
        } else {
            Ok(None)
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        self.reader.colon()?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A name in an object: text, whatever is asked for.
struct Name<'n>(Cow<'n, str>);

impl<'de> Deserializer<'de> for Name<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(&self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
