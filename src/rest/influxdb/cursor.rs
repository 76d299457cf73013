//! A place in a text of lines, and what can be read from there on. Nothing is refused here: what is not there is empty.

/// What ends a name, unless a backslash stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// A comma or a blank.
    Measurement,
    /// A comma, a blank or `=`.
    Key,
}

impl Stop {
    pub(super) fn ends_at(self, c: char) -> bool {
        matches!((self, c), (_, ',' | ' ') | (Stop::Key, '='))
    }
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { rest: text, line: 1 }
    }

    /// The number of the line.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Goes to the next line that has something to say; false when there is none.
    pub(super) fn begin_line(&mut self) -> bool {
        loop {
            self.blanks();
            if self.rest.starts_with('#') {
                self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
            }
            if self.rest.is_empty() {
                return false;
            }
            if !self.end_line() {
                return true;
            }
        }
    }

    /// Goes behind the end of the line, if this is it; the end of the text ends a line.
    pub(super) fn end_line(&mut self) -> bool {
        let rest = self.rest.strip_prefix('\r').filter(|rest| rest.starts_with('\n')).unwrap_or(self.rest);
        if rest.is_empty() {
            return true;
        }
        match rest.strip_prefix('\n') {
            Some(next) => {
                self.rest = next;
                self.line += 1;
                true
            }
            None => false,
        }
    }

    /// Goes behind this character, if it is next.
    pub(super) fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Goes behind blanks.
    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// A name, up to what ends it, or the line.
    pub(super) fn name(&mut self, stop: Stop) -> String {
        let mut name = String::new();
        let mut rest = self.rest.chars();
        while let Some(c) = rest.clone().next() {
            if stop.ends_at(c) || c == '\n' {
                break;
            }
            rest.next();
            let next = rest.clone().next().filter(|next| c == '\\' && stop.ends_at(*next));
            if next.is_some() {
                rest.next();
            }
            name.push(next.unwrap_or(c));
        }
        self.rest = rest.as_str();
        name
    }

    /// What stands before the next comma or white space.
    pub(super) fn word(&mut self) -> &'a str {
        let end = self.rest.find([',', ' ', '\r', '\n']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// The text up to the closing quote, which may go over several lines; none when it is not closed.
    pub(super) fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.rest.chars();
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => match rest.clone().next()? {
                    next @ ('"' | '\\') => {
                        rest.next();
                        text.push(next);
                    }
                    _ => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        self.line += text.matches('\n').count();
        self.rest = rest.as_str();
        Some(text)
    }
}
