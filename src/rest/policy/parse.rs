//! Reading rules: `role:admin or (user:%(creator)s and not role:guest)`.
//!
//! `not` binds tighter than `and`, and that tighter than `or`. A rule is at most so deep and long, whoever wrote it.

/// How deep parentheses and `not` may be.
const MAX_DEPTH: usize = 30;
/// How many bytes a rule may have.
const MAX_RULE: usize = 10_000;

/// A rule as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Check {
    Always,
    Never,
    Not(Box<Check>),
    All(Vec<Check>),
    Any(Vec<Check>),
    /// Another rule.
    Rule(String),
    /// The caller has this role.
    Role(String),
    /// What the caller has under a name, or a text, is what stands on the other side.
    Same(Side, Side),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Side {
    /// A text.
    Text(String),
    /// Something of the caller.
    Caller(String),
    /// Something of what is asked for.
    Target(String),
}

impl Check {
    /// The names of rules that it refers to.
    pub(super) fn references(&self) -> Vec<&str> {
        match self {
            Check::Rule(name) => vec![name],
            Check::Not(inner) => inner.references(),
            Check::All(parts) | Check::Any(parts) => parts.iter().flat_map(Check::references).collect(),
            _ => Vec::new(),
        }
    }
}

/// The name and the rule on a line of a file; none on one that is empty or a comment.
pub(super) fn line(line: &str) -> Result<Option<(String, String)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line == "---" || line == "{" || line == "}" {
        return Ok(None);
    }
    let (name, rest) = scalar(line, ':')?;
    let rest = rest.trim_start().strip_prefix(':').ok_or("a `:` is missing behind the name")?;
    let (rule, rest) = scalar(rest.trim_start(), '#')?;
    let rest = rest.trim().trim_start_matches(',').trim();
    if !(rest.is_empty() || rest.starts_with('#')) {
        return Err(format!("`{rest}` is too much behind the rule"));
    }
    Ok(Some((name, rule)))
}

/// A text in quotes, or a bare one up to `end`.
fn scalar(text: &str, end: char) -> Result<(String, &str), String> {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        let at = text.find(end).unwrap_or(text.len());
        let (bare, rest) = text.split_at(at);
        return Ok((bare.trim().to_owned(), rest));
    };
    let (inner, rest) = text[1..].split_once(quote).ok_or("a quote is not closed")?;
    if inner.contains('\\') {
        return Err("a backslash in a text is not supported".to_owned());
    }
    Ok((inner.to_owned(), rest))
}

/// The rule that a text says.
pub(super) fn rule(text: &str) -> Result<Check, String> {
    if text.len() > MAX_RULE {
        return Err(format!("a rule has more than {MAX_RULE} bytes"));
    }
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Ok(Check::Always);
    }
    let mut reading = Reading { tokens, at: 0, depth: 0 };
    let check = reading.any()?;
    match reading.next() {
        None => Ok(check),
        Some(extra) => Err(format!("`{extra}` is unexpected in a rule")),
    }
}

/// Words and parentheses; those of `%(name)s` belong to a word.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let opening = word.len() - word.trim_start_matches('(').len();
        tokens.extend(std::iter::repeat_n("(".to_owned(), opening));
        let rest = word.trim_start_matches('(');
        let bare = rest.trim_end_matches(')');
        if !bare.is_empty() {
            tokens.push(bare.to_owned());
        }
        tokens.extend(std::iter::repeat_n(")".to_owned(), rest.len() - bare.len()));
    }
    tokens
}

struct Reading {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl Reading {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Whether this word comes next; it is passed then.
    fn takes(&mut self, word: &str) -> bool {
        let there = self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word));
        self.at += usize::from(there);
        there
    }

    fn any(&mut self) -> Result<Check, String> {
        let mut parts = vec![self.all()?];
        while self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Check::Any(parts) })
    }

    fn all(&mut self) -> Result<Check, String> {
        let mut parts = vec![self.one()?];
        while self.takes("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Check::All(parts) })
    }

    fn one(&mut self) -> Result<Check, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("a rule is more than {MAX_DEPTH} levels deep"));
        }
        let check = if self.takes("not") {
            Check::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let inner = self.any()?;
            if !self.takes(")") {
                return Err("a parenthesis is not closed".to_owned());
            }
            inner
        } else {
            word(&self.next().ok_or("a rule ends too early")?)?
        };
        self.depth -= 1;
        Ok(check)
    }
}

fn word(word: &str) -> Result<Check, String> {
    if word == "@" {
        return Ok(Check::Always);
    }
    if word == "!" {
        return Ok(Check::Never);
    }
    let Some((kind, with)) = word.split_once(':') else { return Err(format!("`{word}` is no check")) };
    match kind {
        "rule" => Ok(Check::Rule(with.to_owned())),
        "role" => Ok(Check::Role(with.to_owned())),
        "http" | "https" => Err("checks by another server are not supported".to_owned()),
        _ => Ok(Check::Same(left(kind)?, right(with)?)),
    }
}

fn left(text: &str) -> Result<Side, String> {
    if text.is_empty() {
        return Err("there is nothing before a `:`".to_owned());
    }
    let literal = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let literal = literal.or_else(|| text.chars().all(|c| c.is_ascii_digit()).then_some(text));
    let literal = literal.or_else(|| matches!(text, "True" | "False" | "None").then_some(text));
    Ok(literal.map_or_else(|| Side::Caller(text.to_owned()), |text| Side::Text(text.to_owned())))
}

fn right(text: &str) -> Result<Side, String> {
    if let Some(name) = text.strip_prefix("%(").and_then(|text| text.strip_suffix(")s")) {
        return Ok(Side::Target(name.to_owned()));
    }
    if text.contains('%') {
        return Err(format!("`{text}` is neither a text nor one `%(name)s`"));
    }
    Ok(Side::Text(text.to_owned()))
}
