//! The project's own files as text, for the tests that hold them to the project's rules.
//!
//! Rust sources are looked at after [`code_only`] has blanked comments and literals, so that no rule is broken, or kept,
//! by words in prose. Positions stay what they were: every line of the result is the same line of the source.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// A file of the project: its path from the root, with `/`, and its bytes.
pub struct ProjectFile {
    pub path: String,
    pub bytes: Vec<u8>,
}

impl ProjectFile {
    /// The file's text, lossy where it is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Whether the path ends in a dot and `kind`.
pub fn is_kind(path: &str, kind: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == kind)
}

/// Every file that is, or would be, in the repository.
pub fn project_files() -> Vec<ProjectFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git lists the files of the project");
    assert!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    let names = String::from_utf8(listing.stdout).expect("file names are UTF-8");
    let files: Vec<_> = names
        .split('\0')
        .filter(|name| root.join(name).is_file())
        .map(|name| ProjectFile { path: name.to_owned(), bytes: std::fs::read(root.join(name)).expect("readable") })
        .collect();
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "git lists no src/lib.rs");
    files
}

/// Rust source with every comment and every string, byte and character literal replaced by spaces.
pub fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_text(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn end_of_text(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => find(chars, at, |c| c == '\n'),
        '/' if next == Some('*') => end_of_block_comment(chars, at),
        '"' => end_of_quoted(chars, at, '"'),
        'r' if !(at > 0 && is_word(chars[at - 1]) && !matches!(chars[at - 1], 'b' | 'c')) => end_of_raw(chars, at),
        '\'' if next == Some('\\') || chars.get(at + 2) == Some(&'\'') => end_of_quoted(chars, at, '\''),
        _ => at,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    (from..chars.len()).find(|&at| wanted(chars[at])).unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], begin: usize) -> usize {
    let mut depth = 0;
    let mut at = begin;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_quoted(chars: &[char], begin: usize, quote: char) -> usize {
    let mut at = begin + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r"…"`, `r#"…"#`; a raw identifier such as `r#type` is no literal.
fn end_of_raw(chars: &[char], begin: usize) -> usize {
    let quote = find(chars, begin + 1, |c| c != '#');
    let hashes = quote - begin - 1;
    if chars.get(quote) != Some(&'"') {
        return begin;
    }
    let closes = |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    (quote + 1..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes)
}

/// Where, in the result of [`code_only`], the items lie that are compiled for tests only.
pub fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (begin, attribute) in code.match_indices("#[cfg(") {
        let condition = &code[begin + attribute.len()..];
        let for_tests = condition.starts_with("test)") || condition.starts_with("all(test,");
        if for_tests && items.last().is_none_or(|item| item.end <= begin) {
            items.push(begin..end_of_item(code, begin));
        }
    }
    items
}

/// The code that is compiled into the library: [`code_only`] with the [`test_items`] blanked too.
pub fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut at = 0;
    for item in test_items(code) {
        kept.push_str(&code[at..item.start]);
        kept.extend(code[item.clone()].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        at = item.end;
    }
    kept.push_str(&code[at..]);
    kept
}

/// Where the item or statement that begins (with its attributes) at `begin` ends: after its body or its semicolon, or
/// where the block around it ends.
pub fn end_of_item(code: &str, begin: usize) -> usize {
    let mut depth = 0;
    for (offset, c) in code[begin..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return begin + offset;
        }
        if depth == 0 && (c == ';' || c == '}') {
            return begin + offset + 1;
        }
    }
    code.len()
}
