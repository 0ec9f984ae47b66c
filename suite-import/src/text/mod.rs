//! Protobuf's text format, as far as it goes without a schema.

mod lexer;
mod literal;
mod parser;

pub(crate) use parser::parse;
