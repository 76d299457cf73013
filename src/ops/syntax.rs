//! What JSON and text have in common: words, numbers and lists of them, each with its place.
//!
//! The two readers here know nothing of operations. They bound nesting and size before anything is built, so that what
//! reads the result may recurse.

use serde_json::Value;

use super::operation::{MAX_DEPTH, too_deep};
use crate::error::{Error, Place, Result};

/// How many bytes a text may have.
pub const MAX_BYTES: usize = 4 << 20;

/// How many words, numbers and lists an operation may have.
pub const MAX_NODES: usize = 1 << 18;

/// The deepest list there can be: a pair inside `metric` inside the deepest operation.
const MAX_LISTS: usize = MAX_DEPTH + 1;

/// The longest excerpt of what was found, in characters.
const EXCERPT: usize = 40;

/// A word, number or list, and where it stands.
pub(super) struct Node {
    pub place: Place,
    pub item: Item,
}

pub(super) enum Item {
    Word(String),
    Number(f64),
    List(Vec<Node>),
    /// What has no meaning in an operation: what it is.
    Other(&'static str),
}

impl Node {
    /// What stands here, short enough for an error.
    pub fn found(&self) -> String {
        match &self.item {
            Item::Word(word) => excerpt(word),
            Item::Number(number) => format!("{number:?}"),
            Item::List(items) if items.is_empty() => "an empty list".to_owned(),
            Item::List(items) => format!("a list of {}", items.len()),
            Item::Other(what) => (*what).to_owned(),
        }
    }

    pub fn word(&self) -> Option<&str> {
        if let Item::Word(word) = &self.item { Some(word) } else { None }
    }

    /// The number, also one that is written as a word.
    pub fn number(&self) -> Option<f64> {
        match &self.item {
            Item::Number(number) => Some(*number),
            Item::Word(word) => word.trim().parse().ok(),
            _ => None,
        }
    }
}

/// That `operation` has, at `node`, not what is `expected`.
pub(super) fn refuse(operation: &str, expected: impl Into<String>, node: &Node) -> Error {
    Error::InvalidOperation {
        operation: excerpt_of(operation),
        expected: expected.into(),
        found: node.found(),
        place: node.place.clone(),
    }
}

fn excerpt(word: &str) -> String {
    format!("`{}`", excerpt_of(word))
}

fn excerpt_of(word: &str) -> String {
    match word.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

fn too_many() -> Error {
    Error::OperationTooLarge { what: "words and lists", limit: MAX_NODES }
}

/// A JSON value as nodes; their places are JSON pointers.
pub(super) fn of_json(value: &Value) -> Result<Node> {
    let mut left = MAX_NODES;
    json(value, &mut String::new(), 0, &mut left)
}

fn json(value: &Value, pointer: &mut String, depth: usize, left: &mut usize) -> Result<Node> {
    *left = left.checked_sub(1).ok_or_else(too_many)?;
    let item = match value {
        Value::String(word) => Item::Word(word.clone()),
        Value::Number(number) => Item::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::Null => Item::Other("null"),
        Value::Bool(_) => Item::Other("a boolean"),
        Value::Object(_) => Item::Other("an object"),
        Value::Array(_) if depth == MAX_LISTS => return Err(too_deep()),
        Value::Array(values) => {
            let mut items = Vec::with_capacity(values.len().min(*left));
            let end = pointer.len();
            for (i, value) in values.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&i.to_string());
                items.push(json(value, pointer, depth + 1, left)?);
                pointer.truncate(end);
            }
            Item::List(items)
        }
    };
    Ok(Node { place: Place::Pointer(pointer.clone()), item })
}

/// The list that a text holds; places are bytes. Closing parentheses too many at the end are ignored, as in Gnocchi.
pub(super) fn of_text(text: &str) -> Result<Node> {
    if text.len() > MAX_BYTES {
        return Err(Error::OperationTooLarge { what: "bytes", limit: MAX_BYTES });
    }
    let mut reader = Reader { text, at: 0, left: MAX_NODES };
    reader.skip_blanks();
    if reader.peek() != Some('(') {
        return Err(reader.unexpected("operations", "`(`"));
    }
    let node = reader.list(1)?;
    loop {
        reader.skip_blanks();
        match reader.peek() {
            None => return Ok(node),
            Some(')') => reader.at += 1,
            Some(_) => return Err(reader.unexpected("operations", "the end of the text")),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    left: usize,
}

impl Reader<'_> {
    /// The list whose parenthesis is next.
    fn list(&mut self, depth: usize) -> Result<Node> {
        if depth > MAX_LISTS {
            return Err(too_deep());
        }
        self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
        let place = Place::Byte(self.at);
        self.at += 1;
        let mut items: Vec<Node> = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(')') => {
                    self.at += 1;
                    return Ok(Node { place, item: Item::List(items) });
                }
                Some('(') => items.push(self.list(depth + 1)?),
                Some(_) => items.push(self.word()?),
                None => {
                    let operation = items.first().and_then(Node::word).unwrap_or("operations");
                    return Err(self.unexpected(operation, "`)`"));
                }
            }
        }
    }

    /// The word that begins here, quoted or bare.
    fn word(&mut self) -> Result<Node> {
        self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
        let place = Place::Byte(self.at);
        let word = if let Some(quote @ ('"' | '\'')) = self.peek() {
            self.quoted(quote)?
        } else {
            let rest = &self.text[self.at..];
            let word = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
            self.at += word.len();
            word.to_owned()
        };
        Ok(Node { place, item: Item::Word(word) })
    }

    /// The text between quotes; a backslash takes the next character as it is.
    fn quoted(&mut self, quote: char) -> Result<String> {
        let mut word = String::new();
        let mut escaped = false;
        let begin = self.at + quote.len_utf8();
        for (i, c) in self.text[begin..].char_indices() {
            if escaped || !(c == '\\' || c == quote) {
                word.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else {
                self.at = begin + i + quote.len_utf8();
                return Ok(word);
            }
        }
        self.at = self.text.len();
        Err(self.unexpected("operations", &format!("a closing {quote}")))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn unexpected(&self, operation: &str, expected: &str) -> Error {
        let found = match self.peek() {
            Some(_) => excerpt(&self.text[self.at..]),
            None => "the end of the text".to_owned(),
        };
        Error::InvalidOperation {
            operation: excerpt_of(operation),
            expected: expected.to_owned(),
            found,
            place: Place::Byte(self.at),
        }
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || c == '(' || c == ')'
}

/// Whether a word can be written without quotes.
pub(super) fn is_bare(word: &str) -> bool {
    !word.is_empty() && !word.starts_with(['"', '\'']) && !word.contains(ends_word)
}
