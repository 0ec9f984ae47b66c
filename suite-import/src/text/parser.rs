//! Tokens to a tree.

use super::lexer::{Lexer, Token, TokenKind};
use crate::error::Problem;
use crate::tree::{DEEPEST, Field, Kind, Value};

/// Reads a whole text: the fields of the outermost message.
pub(crate) fn parse(text: &str) -> Result<Vec<Field>, Problem> {
    let mut lexer = Lexer::new(text);
    let ahead = lexer.next()?;
    let mut parser = Parser { lexer, ahead, depth: 0 };
    parser.fields(None)
}

/// A message that is open.
#[derive(Clone, Copy)]
struct Opened {
    at: usize,
    close: char,
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    ahead: Token<'t>,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// Reads fields up to the end of the message, or of the text where no message is open.
    fn fields(&mut self, opened: Option<Opened>) -> Result<Vec<Field>, Problem> {
        let mut fields = Vec::new();
        loop {
            match (&self.ahead.kind, opened) {
                (TokenKind::Word(_), _) => fields.push(self.field()?),
                (TokenKind::End, None) => return Ok(fields),
                (TokenKind::End, Some(opened)) => {
                    return Err(Problem::new(opened.at, format!("no `{}` closes this", opened.close)));
                }
                (&TokenKind::Symbol(symbol), Some(opened)) if symbol == opened.close => {
                    self.advance()?;
                    return Ok(fields);
                }
                (TokenKind::Symbol('['), _) => {
                    return Err(Problem::new(self.ahead.at, "extensions have no place in a test suite"));
                }
                (TokenKind::Symbol(symbol @ ('}' | '>')), None) => {
                    return Err(Problem::new(self.ahead.at, format!("this `{symbol}` closes nothing")));
                }
                _ => return Err(self.unexpected("the name of a field")),
            }
        }
    }

    fn field(&mut self) -> Result<Field, Problem> {
        let Token { at, kind } = self.advance()?;
        let TokenKind::Word(name) = kind else {
            return Err(Problem::new(at, "a field starts with its name"));
        };
        let colon = self.skip(&[':'])?;
        let value = match self.ahead.kind {
            TokenKind::Symbol('[') => self.list(colon)?,
            TokenKind::Symbol('{' | '<') => self.message()?,
            _ if colon => self.scalar()?,
            _ => return Err(self.unexpected(&format!("`:` or `{{` after `{name}`"))),
        };
        self.skip(&[',', ';'])?;
        Ok(Field {
            name: name.to_owned(),
            at,
            value,
        })
    }

    fn list(&mut self, colon: bool) -> Result<Value, Problem> {
        let at = self.enter()?;
        let mut items = Vec::new();
        if !self.skip(&[']'])? {
            loop {
                items.push(match self.ahead.kind {
                    TokenKind::Symbol('{' | '<') => self.message()?,
                    // As everywhere, only messages go without.
                    _ if !colon => return Err(Problem::new(at, "a list of values needs a `:` before it")),
                    _ => self.scalar()?,
                });
                if self.skip(&[']'])? {
                    break;
                }
                if !self.skip(&[','])? {
                    return Err(self.unexpected("`,` or `]`"));
                }
            }
        }
        self.depth -= 1;
        Ok(Value {
            at,
            kind: Kind::List(items),
        })
    }

    fn message(&mut self) -> Result<Value, Problem> {
        let close = match self.ahead.kind {
            TokenKind::Symbol('<') => '>',
            _ => '}',
        };
        let at = self.enter()?;
        let fields = self.fields(Some(Opened { at, close }))?;
        self.depth -= 1;
        Ok(Value {
            at,
            kind: Kind::Message(fields),
        })
    }

    fn scalar(&mut self) -> Result<Value, Problem> {
        if matches!(self.ahead.kind, TokenKind::Literal(_)) {
            return self.text();
        }
        let at = self.ahead.at;
        let sign = if self.skip(&['-'])? { "-" } else { "" };
        match self.ahead.kind {
            TokenKind::Word(word) | TokenKind::Number(word) => {
                self.advance()?;
                let kind = Kind::Bare(format!("{sign}{word}"));
                Ok(Value { at, kind })
            }
            _ if sign.is_empty() => Err(self.unexpected("a value")),
            _ => Err(self.unexpected("a number after `-`")),
        }
    }

    /// Reads literals that stand one after another, which are one text.
    fn text(&mut self) -> Result<Value, Problem> {
        let at = self.ahead.at;
        let mut bytes = Vec::new();
        while let TokenKind::Literal(part) = &mut self.ahead.kind {
            bytes.append(part);
            self.advance()?;
        }
        Ok(Value {
            at,
            kind: Kind::Quoted(bytes),
        })
    }

    /// Reads what opens a message or a list. Returns where it stands.
    // INVARIANT: nothing recurses without passing here, so the depth of the text bounds the stack.
    fn enter(&mut self) -> Result<usize, Problem> {
        let at = self.advance()?.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Problem::new(at, format!("this is nested deeper than {DEEPEST} levels")));
        }
        Ok(at)
    }

    fn skip(&mut self, symbols: &[char]) -> Result<bool, Problem> {
        let found = matches!(self.ahead.kind, TokenKind::Symbol(symbol) if symbols.contains(&symbol));
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn advance(&mut self) -> Result<Token<'t>, Problem> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    fn unexpected(&self, expected: &str) -> Problem {
        let found = self.ahead.kind.description();
        Problem::new(self.ahead.at, format!("expected {expected}, found {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in one notation, whatever it was written in.
    fn printed(fields: &[Field]) -> String {
        let fields: Vec<_> = fields
            .iter()
            .map(|field| format!("{}={}", field.name, printed_value(&field.value)))
            .collect();
        fields.join(" ")
    }

    fn printed_value(value: &Value) -> String {
        match &value.kind {
            Kind::Quoted(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            Kind::Bare(word) | Kind::Scalar(word) => word.clone(),
            Kind::Null => "null".to_owned(),
            Kind::Message(fields) => format!("({})", printed(fields)),
            Kind::List(items) => format!("{:?}", items.iter().map(printed_value).collect::<Vec<_>>()),
        }
    }

    #[test]
    fn each_notation_has_its_tree() {
        for (text, expected) in [
            ("", ""),
            ("# only a note", ""),
            ("a: 1", "a=1"),
            ("a: 1 b: x", "a=1 b=x"),
            ("a { }", "a=()"),
            ("a: { b < c: true > }", "a=(b=(c=true))"),
            ("a: < b: -0x1F; c: - 2.5, d: -inf >", "a=(b=-0x1F c=-2.5 d=-inf)"),
            ("a: \"x\" 'y'\n# between\n\"z\" b: ''", "a=\"xyz\" b=\"\""),
            ("a: [] b: [1, x]", "a=[] b=[\"1\", \"x\"]"),
            ("a [{ b: 1 }, < >]", "a=[\"(b=1)\", \"()\"]"),
            ("a: ['x' 'y', 'z']", "a=[\"\\\"xy\\\"\", \"\\\"z\\\"\"]"),
            ("a { b: 1 }; a { b: 2 },", "a=(b=1) a=(b=2)"),
        ] {
            assert_eq!(printed(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn broken_texts_are_refused() {
        for text in [
            "a",
            "a:",
            "a 1",
            "a:1b:x",
            "a \"x\"",
            "a { b: 1",
            "a { b: 1 >",
            "a: 1 }",
            ">",
            ": 1",
            "1: 1",
            "a: -",
            "a: - \"x\"",
            "a: [1",
            "a: [1,]",
            "a: [1 2]",
            "a: [[1]]",
            "a [1]",
            "a: 1,, b: 2",
            "[ext] { }",
            "a: 'x' 1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "a{".repeat(depth), "}".repeat(depth));
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert!(parse(&nested(DEEPEST + 1)).is_err());
        assert!(parse(&"a<".repeat(1_000_000)).is_err());
        assert!(parse(&"a[{".repeat(1_000_000)).is_err());
    }
}
