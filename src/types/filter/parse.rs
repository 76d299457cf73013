//! Texts of the query language as filters: recursive descent, one function for each level of precedence.

use super::lexer::{Placed, Token, cut, invalid, tokens};
use super::{Filter, MAX_DEPTH, MAX_SOURCE, Operator};
use crate::error::{Error, Result};
use crate::types::AttributeValue;

/// How deep parentheses and negations may lie in one another: each level of a tree may have one of each.
const MAX_NESTING: usize = 2 * MAX_DEPTH + 2;

/// The filter that `text` says.
pub(super) fn filter(text: &str) -> Result<Filter> {
    if text.len() > MAX_SOURCE {
        return Err(Error::FilterTooLarge { what: "bytes", limit: MAX_SOURCE });
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::all([]));
    }
    let mut parser = Parser { tokens, next: 0, end: text.chars().count() + 1, nesting: 0 };
    let filter = parser.any()?;
    if let Some((position, token)) = parser.peek() {
        return Err(invalid(*position, format!("`and`, `or` or the end is expected, not {}", shown(token))));
    }
    filter.tree()?;
    Ok(filter)
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    /// The place behind the last character.
    end: usize,
    nesting: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.next)
    }

    /// The place of the next token.
    fn position(&self) -> usize {
        self.peek().map_or(self.end, |(position, _)| *position)
    }

    fn advance(&mut self) -> Option<Placed> {
        let token = self.tokens.get(self.next).cloned();
        self.next += usize::from(token.is_some());
        token
    }

    /// Passes over the next token when it is one of these words or signs.
    fn skip(&mut self, forms: &[&str]) -> bool {
        let found = match self.peek() {
            Some((_, Token::Word(word))) => forms.contains(&word.as_str()),
            Some((_, Token::Sign(sign))) => forms.contains(sign),
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Filter> {
        let mut parts = vec![self.all()?];
        while self.skip(&["or", "∨"]) {
            parts.push(self.all()?);
        }
        Ok(Filter::any(parts))
    }

    fn all(&mut self) -> Result<Filter> {
        let mut parts = vec![self.part()?];
        while self.skip(&["and", "∧"]) {
            parts.push(self.part()?);
        }
        Ok(Filter::all(parts))
    }

    fn part(&mut self) -> Result<Filter> {
        let position = self.position();
        if self.nesting > MAX_NESTING {
            return Err(Error::FilterTooLarge { what: "levels", limit: MAX_DEPTH });
        }
        self.nesting += 1;
        let filter = if self.skip(&["not", "¬"]) {
            !self.part()?
        } else if self.skip(&["("]) {
            let inside = self.any()?;
            if !self.skip(&[")"]) {
                let reason = format!("the parenthesis of character {position} is not closed");
                return Err(invalid(self.position(), reason));
            }
            inside
        } else {
            self.comparison()?
        };
        self.nesting -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter> {
        let position = self.position();
        let name = match self.advance() {
            Some((_, Token::Word(word))) => match word.as_str() {
                "true" if self.at_end_of_part() => return Ok(Filter::all([])),
                "false" if self.at_end_of_part() => return Ok(Filter::any([])),
                _ => word,
            },
            Some((_, Token::Quoted(name))) => name,
            Some((_, token)) => {
                return Err(invalid(position, format!("an attribute is expected, not {}", shown(&token))));
            }
            None => return Err(invalid(position, "an attribute is missing")),
        };
        let position = self.position();
        match self.advance() {
            Some((_, Token::Sign("∈"))) => return self.list(name),
            Some((_, Token::Word(word))) if word == "in" => return self.list(name),
            Some((_, Token::Word(word))) => {
                if let Some(operator) = Operator::from_symbol(&word) {
                    return Ok(Filter::compare(name, operator, self.value()?));
                }
            }
            Some((_, Token::Sign(sign))) => {
                if let Some(operator) = Operator::from_symbol(sign) {
                    return Ok(Filter::compare(name, operator, self.value()?));
                }
            }
            Some((_, Token::Quoted(_))) | None => {}
        }
        Err(invalid(position, format!("an operator is expected after `{}`", cut(&name))))
    }

    /// Whether no operator follows, so that a word stood alone.
    fn at_end_of_part(&self) -> bool {
        match self.peek() {
            None => true,
            Some((_, Token::Sign(sign))) => matches!(*sign, ")" | "∧" | "∨"),
            Some((_, Token::Word(word))) => word == "and" || word == "or",
            Some((_, Token::Quoted(_))) => false,
        }
    }

    fn list(&mut self, name: String) -> Result<Filter> {
        let position = self.position();
        if !self.skip(&["["]) {
            return Err(invalid(position, "`in` takes a list: [a, b]"));
        }
        let mut values = Vec::new();
        let position = self.position();
        if self.skip(&["]"]) {
            return Err(invalid(position, format!("`{}` is to be one of no values", cut(&name))));
        }
        loop {
            values.push(self.value()?);
            if self.skip(&["]"]) {
                return Ok(Filter::one_of(name, values));
            }
            if !self.skip(&[","]) {
                return Err(invalid(self.position(), "`,` or `]` is expected in a list"));
            }
        }
    }

    fn value(&mut self) -> Result<AttributeValue> {
        let position = self.position();
        match self.advance() {
            Some((_, Token::Quoted(text))) => Ok(AttributeValue::Text(text)),
            Some((_, Token::Word(word))) => value_of(word, position),
            Some((_, token)) => Err(invalid(position, format!("a value is expected, not {}", shown(&token)))),
            None => Err(invalid(position, "a value is missing")),
        }
    }
}

/// What a word without quotes means as a value.
fn value_of(word: String, position: usize) -> Result<AttributeValue> {
    match word.as_str() {
        "null" | "none" | "None" => return Ok(AttributeValue::Null),
        "true" | "True" => return Ok(AttributeValue::Bool(true)),
        "false" | "False" => return Ok(AttributeValue::Bool(false)),
        _ => {}
    }
    // An identifier without hyphens may consist of digits, or of digits and one `e`.
    let identifier = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if identifier || !is_number(&word) {
        return Ok(AttributeValue::Text(word));
    }
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(AttributeValue::Number(number)),
        _ => Err(invalid(position, format!("`{}` is too large a number", cut(&word)))),
    }
}

/// Whether a word is a sign, digits, a fraction and an exponent, of which only the digits must be there.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    !whole.is_empty() && digits(whole) && digits(fraction) && exponent
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Quoted(text) => format!("`{}`", cut(text)),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}
