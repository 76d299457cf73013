//! The words of the query language, each with its place.

use crate::error::{Error, Result};

/// How many characters of a text an error shows.
const SHOWN: usize = 40;

/// What a name must not be to stand without quotes.
const RESERVED: [&str; 22] = [
    "not", "and", "or", "in", "like", "eq", "ne", "lt", "le", "gt", "ge", "null", "none", "None", "true", "True",
    "false", "False", "nan", "inf", "infinity", "is",
];

/// One word or sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A run of letters, digits and `_.-+:@%`.
    Word(String),
    /// A text in quotes, without them.
    Quoted(String),
    /// Anything else: an operator, a parenthesis, a bracket, a comma.
    Sign(&'static str),
}

/// A token and the character at which it begins; the first one is 1.
pub(super) type Placed = (usize, Token);

/// Signs, the longer ones first.
const SIGNS: [&str; 19] =
    ["==", "!=", "<=", ">=", "=", "<", ">", "≠", "≤", "≥", "∈", "∧", "∨", "¬", "(", ")", "[", "]", ","];

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | ':' | '@' | '%')
}

/// Whether a name can be printed without quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        && !RESERVED.contains(&name)
}

/// The words of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut position = 1;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else {
            let (token, length) = token(rest, first, position)?;
            tokens.push((position, token));
            length
        };
        let (taken, behind) = rest.split_at(length);
        position += taken.chars().count();
        rest = behind;
    }
    Ok(tokens)
}

/// The token with which `rest` begins, and its length in bytes.
fn token(rest: &str, first: char, position: usize) -> Result<(Token, usize)> {
    if first == '"' || first == '\'' {
        return quoted(rest, first, position);
    }
    if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    if end == 0 {
        return Err(invalid(position, format!("`{first}` means nothing here; put texts into quotes")));
    }
    Ok((Token::Word(rest[..end].to_owned()), end))
}

/// A text in quotes, in which a doubled quote means one.
fn quoted(rest: &str, quote: char, position: usize) -> Result<(Token, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c != quote {
            text.push(c);
        } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
            characters.next();
            text.push(quote);
        } else {
            return Ok((Token::Quoted(text), at + quote.len_utf8()));
        }
    }
    Err(invalid(position, format!("the text that begins with {quote} does not end")))
}

/// As much of a text as an error shows.
pub(super) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

pub(super) fn invalid(position: usize, reason: impl Into<String>) -> Error {
    Error::InvalidFilter { position: Some(position), reason: reason.into() }
}
